namespace AlpacaCot.Text.Tokenization;

/// <summary>Returns the replacement of a piece.</summary>
internal delegate string PieceRewriter(ReadOnlySpan<char> piece);

/// <summary>A text with its division into pieces.</summary>
internal sealed class Pieces(string text)
{
    public string Text { get; set; } = text;

    /// <summary>The pieces as half-open ranges of <see cref="Text"/>, in order.</summary>
    public List<(int Start, int End)> Ranges { get; set; } = [(0, text.Length)];

    /// <summary>Replaces the text of every piece.</summary>
    public void Rewrite(PieceRewriter rewrite)
    {
        var text = new System.Text.StringBuilder(Text.Length * 2);
        var ranges = new List<(int, int)>(Ranges.Count);
        foreach (var (start, end) in Ranges)
        {
            var before = text.Length;
            text.Append(rewrite(Text.AsSpan(start, end - start)));
            ranges.Add((before, text.Length));
        }
        (Text, Ranges) = (text.ToString(), ranges);
    }
}

/// <summary>Splits normalized text into pieces that the model encodes independently. Thread-safe.</summary>
internal interface IPreTokenizer
{
    void Cut(Pieces pieces, TextPlace place);
}
