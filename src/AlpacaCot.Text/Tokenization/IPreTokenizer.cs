namespace AlpacaCot.Text.Tokenization;

/// <summary>Returns the replacement of a piece.</summary>
internal delegate string PieceRewriter(ReadOnlySpan<char> piece);

/// <summary>A text with its division into pieces.</summary>
internal sealed class Pieces(string text)
{
    private List<(int Start, int End)> _next = [];

    public string Text { get; private set; } = text;

    /// <summary>The pieces as half-open ranges of <see cref="Text"/>, in order.</summary>
    public List<(int Start, int End)> Ranges { get; private set; } = [(0, text.Length)];

    /// <summary>An empty list for matches, for one pre-tokenizer at a time.</summary>
    public List<(int Start, int End)> Matches { get; } = [];

    /// <summary>The largest of its lists.</summary>
    public int Capacity => Math.Max(Matches.Capacity, Math.Max(Ranges.Capacity, _next.Capacity));

    /// <summary>Starts with another text, in one piece.</summary>
    public void Begin(string text)
    {
        Text = text;
        Ranges.Clear();
        Ranges.Add((0, text.Length));
    }

    /// <summary>An empty list for the next ranges; <see cref="Replace"/> puts it in place.</summary>
    public List<(int Start, int End)> Next()
    {
        _next.Clear();
        return _next;
    }

    /// <summary>Replaces the ranges by the list of <see cref="Next"/>.</summary>
    public void Replace() => (Ranges, _next) = (_next, Ranges);

    /// <summary>Replaces the text of every piece.</summary>
    public void Rewrite(PieceRewriter rewrite)
    {
        var text = new System.Text.StringBuilder(Text.Length * 2);
        var ranges = Next();
        foreach (var (start, end) in Ranges)
        {
            var before = text.Length;
            text.Append(rewrite(Text.AsSpan(start, end - start)));
            ranges.Add((before, text.Length));
        }
        Text = text.ToString();
        Replace();
    }
}

/// <summary>Splits normalized text into pieces that the model encodes independently. Thread-safe.</summary>
internal interface IPreTokenizer
{
    void Cut(Pieces pieces, TextPlace place);
}
