using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Turns tokens into text while they arrive. Never puts out half a character: incomplete UTF-8 waits for its rest, and what
/// proves invalid becomes U+FFFD. All the text it puts out together equals <see cref="Tokenizer.Decode"/> of all the ids.
/// Not safe for several threads at once.
/// </summary>
public sealed class TokenDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly IDecodingState _state;
    private readonly StringBuilder _text = new();

    internal TokenDecoder(Tokenizer tokenizer, IDecodingState state)
    {
        _tokenizer = tokenizer;
        _state = state;
    }

    /// <summary>Takes the next token and returns the text that is certain now, which may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public string Add(int id)
    {
        if (!_tokenizer.HasToken(id)) return "";
        _state.Add(id, _text);
        return Take();
    }

    /// <summary>Ends the text and returns what was held back.</summary>
    public string Flush()
    {
        _state.Flush(_text);
        return Take();
    }

    private string Take()
    {
        if (_text.Length == 0) return "";
        var text = _text.ToString();
        _text.Clear();
        return text;
    }
}
