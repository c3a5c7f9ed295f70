using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>One criterion for removing or repairing records. Implementations are thread-safe.</summary>
public interface ICleaningFilter
{
    /// <summary>Name in options and reports.</summary>
    string Name { get; }

    /// <summary>One-line description for the help text.</summary>
    string Description { get; }

    /// <summary>Checks a record.</summary>
    FilterVerdict Check(Conversation record);
}

/// <summary>Decision of a filter on a record.</summary>
/// <param name="Reason">Why the record is removed or repaired; null if it passes.</param>
/// <param name="Repaired">The repaired record; null if the record passes or is removed.</param>
/// <param name="Excerpt">Excerpt of the text concerned.</param>
public readonly record struct FilterVerdict(string? Reason, Conversation? Repaired, string Excerpt)
{
    /// <summary>The record passes unchanged.</summary>
    public static readonly FilterVerdict Keep = new(null, null, "");

    /// <summary>Creates the decision to remove the record.</summary>
    public static FilterVerdict Remove(string reason, string text) => new(reason, null, ConversationText.Excerpt(text));

    /// <summary>Creates the decision to replace the record.</summary>
    public static FilterVerdict Repair(string reason, Conversation record, string text) =>
        new(reason, record, ConversationText.Excerpt(text));
}
