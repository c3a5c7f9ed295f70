using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>A step of a decoder of <c>tokenizer.json</c>: takes tokens one by one and hands text on.</summary>
internal abstract class DecoderStep
{
    /// <summary>The step after this one; null where the text is done.</summary>
    public DecoderStep? Next { get; set; }

    public abstract void Push(string token, StringBuilder output);

    public virtual void Flush(StringBuilder output) => Next?.Flush(output);

    protected void Emit(string token, StringBuilder output)
    {
        if (Next is null) output.Append(token);
        else Next.Push(token, output);
    }
}

/// <summary>The decoder of a <c>tokenizer.json</c>: a chain of steps, made anew for every text.</summary>
internal sealed class JsonDecoding : IDecoding
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

/// <summary>Tokens with a space between them: what happens without any decoder.</summary>
internal sealed class JoinStep : DecoderStep
{
    private bool _any;

    public override void Push(string token, StringBuilder output)
    {
        Emit(_any ? " " + token : token, output);
        _any = true;
    }
}

/// <summary><c>ByteLevel</c>: the bytes that the characters of <see cref="ByteAlphabet"/> stand for, as UTF-8.</summary>
internal sealed class ByteLevelStep : DecoderStep
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    public override void Push(string token, StringBuilder output)
    {
        // A token with a character outside of the alphabet was added by hand and stands for itself.
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
/// <c>ByteFallback</c>: byte pieces become characters as soon as these are complete, and bytes that are part of none U+FFFD
/// each. (The reference spoils the whole run of byte pieces then, which a stream could only find out too late.)
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

/// <summary>A function of each token alone (<c>Replace</c>).</summary>
internal sealed class TokenFunctionStep(Func<string, string> function) : DecoderStep
{
    public override void Push(string token, StringBuilder output) => Emit(function(token), output);
}

/// <summary><c>Metaspace</c>: marks become spaces, and those of the first token nothing.</summary>
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

/// <summary><c>BPEDecoder</c>: the end-of-word suffix becomes a space, and nothing in the last token.</summary>
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

/// <summary><c>Fuse</c> before a step that needs the whole text at once.</summary>
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

/// <summary><c>Fuse</c> and <c>Strip</c> together: strips the whole text without waiting for its end.</summary>
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
        // Up to `stop` of the content at the end may have to go: they wait until more text comes.
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
