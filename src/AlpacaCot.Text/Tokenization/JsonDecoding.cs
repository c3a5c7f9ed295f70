using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>One step of a <c>tokenizer.json</c> decoder: processes tokens one by one and passes text to the next step.</summary>
internal abstract class DecoderStep
{
    /// <summary>The next step; null for the last one.</summary>
    public DecoderStep? Next { get; set; }

    public abstract void Push(string token, StringBuilder output);

    public virtual void Flush(StringBuilder output) => Next?.Flush(output);

    protected void Emit(string token, StringBuilder output)
    {
        if (Next is null) output.Append(token);
        else Next.Push(token, output);
    }
}

/// <summary>The decoder of a <c>tokenizer.json</c>: a chain of steps, created for every text.</summary>
internal sealed class JsonDecoding : IDetokenizer
{
    private readonly ITokenModel _model;
    private readonly Dictionary<int, AddedToken> _added = [];
    private readonly IReadOnlyList<Func<DecoderStep>> _steps;

    public JsonDecoding(ITokenModel model, IEnumerable<AddedToken> added, IReadOnlyList<Func<DecoderStep>> steps)
    {
        (_model, _steps) = (model, steps);
        foreach (var token in added) _added[token.Id] = token;
    }

    public IDecodingState Start(bool skipSpecial)
    {
        DecoderStep? first = null;
        for (var i = _steps.Count - 1; i >= 0; i--)
        {
            var step = _steps[i]();
            step.Next = first;
            first = step;
        }
        return new State(this, first!, skipSpecial);
    }

    private sealed class State(JsonDecoding rules, DecoderStep first, bool skipSpecial) : IDecodingState
    {
        public void Add(int id, StringBuilder output)
        {
            if (!rules._added.TryGetValue(id, out var added)) first.Push(rules._model.Tokens[id] ?? "", output);
            else if (!skipSpecial || !added.Special) first.Push(added.Text, output);
        }

        public void Flush(StringBuilder output) => first.Flush(output);
    }
}

/// <summary>Joins tokens with spaces; used if the file has no decoder.</summary>
internal sealed class JoinStep : DecoderStep
{
    private bool _any;

    public override void Push(string token, StringBuilder output)
    {
        Emit(_any ? " " + token : token, output);
        _any = true;
    }
}

/// <summary><c>ByteLevel</c>: maps characters of <see cref="ByteAlphabet"/> to bytes and decodes them as UTF-8.</summary>
internal sealed class ByteLevelStep : DecoderStep
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public override void Push(string token, StringBuilder output)
    {
        // A token with a character outside the alphabet is an added token and kept as it is.
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            var value = ByteAlphabet.ByteOf(token[i]);
            if (value < 0)
            {
                bytes = Encoding.UTF8.GetBytes(token);
                break;
            }
            bytes[i] = (byte)value;
        }
        Convert(bytes, flush: false, output);
    }

    public override void Flush(StringBuilder output)
    {
        Convert([], flush: true, output);
        base.Flush(output);
    }

    private void Convert(byte[] bytes, bool flush, StringBuilder output)
    {
        var characters = new char[bytes.Length + 4];
        var count = _decoder.GetChars(bytes, characters, flush);
        if (count > 0) Emit(new string(characters, 0, count), output);
    }
}

/// <summary>
/// <c>ByteFallback</c>: byte pieces become characters once complete, and each byte that is not part of a valid character
/// becomes U+FFFD. (The reference replaces the whole run of byte pieces then, which a stream can detect only too late.)
/// </summary>
internal sealed class ByteFallbackStep : DecoderStep
{
    private readonly StringBuilder _text = new();
    private PendingBytes _bytes;

    public override void Push(string token, StringBuilder output)
    {
        var value = Characters.ByteOf(token);
        if (value >= 0) _bytes.Add((byte)value, _text);
        else _bytes.Flush(_text);
        EmitText(output);
        if (value < 0) Emit(token, output);
    }

    public override void Flush(StringBuilder output)
    {
        _bytes.Flush(_text);
        EmitText(output);
        base.Flush(output);
    }

    private void EmitText(StringBuilder output)
    {
        if (_text.Length == 0) return;
        Emit(_text.ToString(), output);
        _text.Clear();
    }
}

/// <summary>Applies a function to each token (<c>Replace</c>).</summary>
internal sealed class TokenFunctionStep(Func<string, string> function) : DecoderStep
{
    public override void Push(string token, StringBuilder output) => Emit(function(token), output);
}

/// <summary><c>Metaspace</c>: replaces marks by spaces and removes the mark of the first token.</summary>
internal sealed class MetaspaceStep(char mark, bool dropsFirst) : DecoderStep
{
    private bool _begun;

    public override void Push(string token, StringBuilder output)
    {
        var isFirst = !_begun && dropsFirst;
        Emit(isFirst ? token.Replace(mark.ToString(), "", StringComparison.Ordinal) : token.Replace(mark, ' '), output);
        _begun = true;
    }
}

/// <summary><c>BPEDecoder</c>: replaces the end-of-word suffix by a space, except in the last token.</summary>
internal sealed class SuffixStep(string suffix) : DecoderStep
{
    private string? _last;

    public override void Push(string token, StringBuilder output)
    {
        if (_last is not null) Emit(_last.Replace(suffix, " ", StringComparison.Ordinal), output);
        _last = token;
    }

    public override void Flush(StringBuilder output)
    {
        if (_last is not null) Emit(_last.Replace(suffix, "", StringComparison.Ordinal), output);
        _last = null;
        base.Flush(output);
    }
}

/// <summary><c>Fuse</c> before a step that requires the whole text.</summary>
internal sealed class FuseStep : DecoderStep
{
    private readonly StringBuilder _all = new();

    public override void Push(string token, StringBuilder output) => _all.Append(token);

    public override void Flush(StringBuilder output)
    {
        if (_all.Length > 0) Emit(_all.ToString(), output);
        _all.Clear();
        base.Flush(output);
    }
}

/// <summary><c>Strip</c> of every token.</summary>
internal sealed class StripStep(char content, int start, int stop) : DecoderStep
{
    public override void Push(string token, StringBuilder output)
    {
        var (from, to) = (0, token.Length);
        while (from < start && from < to && token[from] == content) from++;
        while (token.Length - to < stop && to > from && token[to - 1] == content) to--;
        Emit(token[from..to], output);
    }
}

/// <summary><c>Fuse</c> followed by <c>Strip</c>: strips the whole text incrementally.</summary>
internal sealed class StripTextStep(char content, int start, int stop) : DecoderStep
{
    private int _left = start;
    private int _held;

    public override void Push(string token, StringBuilder output)
    {
        var from = 0;
        while (_left > 0 && from < token.Length)
        {
            if (token[from] == content)
            {
                from++;
                _left--;
            }
            else
            {
                _left = 0;
            }
        }
        // Up to `stop` trailing characters may have to be stripped: hold them back until more text follows.
        var text = new string(content, _held) + token[from..];
        var tail = 0;
        while (tail < stop && tail < text.Length && text[^(tail + 1)] == content) tail++;
        _held = tail;
        if (text.Length > tail) Emit(text[..^tail], output);
    }

    public override void Flush(StringBuilder output)
    {
        _held = 0;
        base.Flush(output);
    }
}
