using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Incremental decoder. Never emits a partial character: incomplete UTF-8 is held back, and invalid UTF-8 becomes U+FFFD.
/// The concatenated output equals <see cref="Tokenizer.Decode"/> of all ids.
/// Not thread-safe.
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

    /// <summary>Adds a token and returns the text that is now final, possibly empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public string Add(int id)
    {
        if (!_tokenizer.HasToken(id)) return "";
        _state.Add(id, _text);
        return Take();
    }

    /// <summary>Ends the text and returns the remainder.</summary>
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
