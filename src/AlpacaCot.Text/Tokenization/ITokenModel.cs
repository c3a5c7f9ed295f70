namespace AlpacaCot.Text.Tokenization;

/// <summary>The vocabulary and the rule that cuts a piece of normalized text into its tokens. Safe for many threads.</summary>
internal interface ITokenModel
{
    /// <summary>Tokens by id; null where an id is unused.</summary>
    IReadOnlyList<string?> Tokens { get; }

    int? Find(string token);

    /// <summary>Appends the tokens of <c>text[start..end]</c>, with their starts counted from the text's begin.</summary>
    void Encode(string text, int start, int end, TokenSink sink);
}
