namespace AlpacaCot.Data.Preparation;

/// <summary>What became of a record that a preparation step did not leave alone.</summary>
/// <param name="Record">The record: file and number.</param>
/// <param name="Step">The step or filter that found it.</param>
/// <param name="Action">What it did.</param>
/// <param name="Reason">Why, for a person.</param>
public sealed record Finding(string Record, string Step, FindingAction Action, string Reason)
{
    /// <summary>The record it was compared with: the duplicate that stays, or the evaluation question.</summary>
    public string? Other { get; init; }

    /// <summary>How alike the two are, from 0 to 1.</summary>
    public double? Score { get; init; }

    /// <summary>The text in question, cut short.</summary>
    public string Excerpt { get; init; } = "";
}

/// <summary>What a preparation step did with a record.</summary>
public enum FindingAction
{
    /// <summary>Left out.</summary>
    Removed,

    /// <summary>Kept with a changed text.</summary>
    Repaired,
}
