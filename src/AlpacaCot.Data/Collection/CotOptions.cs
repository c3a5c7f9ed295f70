namespace AlpacaCot.Data.Collection;

/// <summary>Options for converting Chain-of-Thought rows (question, answer, rationale) to instructions.</summary>
public sealed record CotOptions
{
    /// <summary>Templates to sample from; default: the built-in ones.</summary>
    public CotTemplates Templates { get; init; } = CotTemplates.Shipped;

    /// <summary>A recorded template assignment to replay; sets that it does not cover are sampled with the seed.</summary>
    public CotDraw? Replay { get; init; }

    /// <summary>
    /// Whether the two characters <c>\n</c> in a field are decoded to a line feed. If false they are kept, as in the original
    /// collection.
    /// </summary>
    public bool DecodeNewlines { get; init; } = true;

    /// <summary>
    /// Whether a field that starts with a quote is unquoted by the rules of Python's <c>csv</c>, as in the original collection.
    /// If false, quotes are part of the text, as the publisher intends.
    /// </summary>
    public bool PythonQuotes { get; init; }

    /// <summary>Text appended verbatim to every instruction; default: empty.</summary>
    public string Trigger { get; init; } = "";

    /// <summary>Called for each row with the set's name and the zero-based number of the sampled template.</summary>
    public Action<string, int>? OnDraw { get; init; }
}
