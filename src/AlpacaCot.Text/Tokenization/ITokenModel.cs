namespace AlpacaCot.Text.Tokenization;

/// <summary>Vocabulary and algorithm that encode a piece of normalized text. Thread-safe.</summary>
internal interface ITokenModel
{
    /// <summary>Tokens by id; null for an unused id.</summary>
    IReadOnlyList<string?> Tokens { get; }

    int? Find(string token);

    /// <summary>Appends the tokens of <c>text[start..end]</c>; their starts are relative to the start of the text.</summary>
    void Encode(string text, int start, int end, TokenSink sink);
}
