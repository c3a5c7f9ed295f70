using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>One reason why a record may be left out or changed. Thread-safe.</summary>
public interface ICleaningFilter
{
    /// <summary>What options and reports call it.</summary>
    string Name { get; }

    /// <summary>What it takes, in a line for people.</summary>
    string Description { get; }

    /// <summary>Judges a record.</summary>
    Verdict Check(Conversation record);
}

/// <summary>What a filter says of a record.</summary>
/// <param name="Reason">Why the record is removed or changed; null where the filter leaves it alone.</param>
/// <param name="Repaired">The record as it should be, where it can be repaired; null where it is to be removed.</param>
/// <param name="Excerpt">The text in question.</param>
public readonly record struct Verdict(string? Reason, Conversation? Repaired, string Excerpt)
{
    /// <summary>The record is left alone.</summary>
    public static readonly Verdict Keep = new(null, null, "");

    /// <summary>The record is removed.</summary>
    public static Verdict Remove(string reason, string text) => new(reason, null, ConversationText.Excerpt(text));

    /// <summary>The record is replaced.</summary>
    public static Verdict Repair(string reason, Conversation record, string text) =>
        new(reason, record, ConversationText.Excerpt(text));
}
