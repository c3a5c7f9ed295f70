namespace AlpacaCot.Data.Tokenization;

/// <summary>A text and the pieces it is cut into.</summary>
internal sealed class Pieces(string text)
{
    public string Text { get; set; } = text;

    /// <summary>The pieces as half-open ranges of <see cref="Text"/>, in order.</summary>
    public List<(int Start, int End)> Ranges { get; set; } = [(0, text.Length)];
}

/// <summary>Cuts normalized text into the pieces that the model sees one by one. Safe for many threads.</summary>
internal interface IPreTokenizer
{
    void Cut(Pieces pieces, TextPlace place);
}
