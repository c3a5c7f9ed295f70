namespace AlpacaCot.Text.Tokenization;

/// <summary>Position of a run of text in the whole; determines whether a word-start mark is prepended.</summary>
internal enum TextPlace
{
    /// <summary>At the start of the text.</summary>
    Start,

    /// <summary>After an added token.</summary>
    AfterToken,

    /// <summary>
    /// After an added token that is matched in the normalized text: a continuation for the normalizer, which sees one text, and
    /// the start of a run for the pre-tokenizer.
    /// </summary>
    AfterNormalizedToken,

    /// <summary>Continuation of text from an earlier call.</summary>
    Continuation,
}

/// <summary>Normalizes text before tokenization. Thread-safe.</summary>
internal interface INormalizer
{
    string Normalize(string text, TextPlace place);
}
