namespace AlpacaCot.Data.Collection;

/// <summary>How Chain-of-Thought rows (question, answer, rationale) become instructions.</summary>
public sealed record CotOptions
{
    /// <summary>The templates to draw from; those of this project where none are given.</summary>
    public CotTemplates Templates { get; init; } = CotTemplates.Shipped;

    /// <summary>A recorded draw to repeat; a set it does not hold is drawn with the seed.</summary>
    public CotDraw? Replay { get; init; }

    /// <summary>
    /// Whether the two characters <c>\n</c> in a field, which stand for a line end there, become one; kept otherwise, as the
    /// original collection did.
    /// </summary>
    public bool DecodeNewlines { get; init; } = true;

    /// <summary>
    /// Whether a field that begins with a quote is unquoted by the rules of Python's <c>csv</c>, as the original collection did;
    /// quotes are text otherwise, as the publisher of the rows means them.
    /// </summary>
    public bool PythonQuotes { get; init; }

    /// <summary>A text to append to every instruction as it is; empty for none.</summary>
    public string Trigger { get; init; } = "";

    /// <summary>Told which template was drawn for each row: set, template number from 0.</summary>
    public Action<string, int>? OnDraw { get; init; }
}
