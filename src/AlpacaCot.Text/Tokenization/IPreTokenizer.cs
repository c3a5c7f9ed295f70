namespace AlpacaCot.Text.Tokenization;

/// <summary>What a piece becomes.</summary>
internal delegate string PieceRewriter(ReadOnlySpan<char> piece);

/// <summary>A text and the pieces it is cut into.</summary>
internal sealed class Pieces(string text)
{
    public string Text { get; set; } = text;

    /// <summary>The pieces as half-open ranges of <see cref="Text"/>, in order.</summary>
    public List<(int Start, int End)> Ranges { get; set; } = [(0, text.Length)];

    /// <summary>Replaces every piece by another text.</summary>
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

/// <summary>Cuts normalized text into the pieces that the model sees one by one. Safe for many threads.</summary>
internal interface IPreTokenizer
{
    void Cut(Pieces pieces, TextPlace place);
}
