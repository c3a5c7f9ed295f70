namespace AlpacaCot.Text.Tokenization;

/// <summary>Where in the whole a stretch of ordinary text stands: it decides who gets a word-start mark in front.</summary>
internal enum TextPlace
{
    /// <summary>The text begins here.</summary>
    Start,

    /// <summary>An added token stands in front.</summary>
    AfterToken,

    /// <summary>The text goes on from an earlier call.</summary>
    Continuation,
}

/// <summary>Rewrites text before it is cut. Safe for many threads.</summary>
internal interface INormalizer
{
    string Normalize(string text, TextPlace place);
}
