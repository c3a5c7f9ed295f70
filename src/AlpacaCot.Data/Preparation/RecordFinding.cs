namespace AlpacaCot.Data.Preparation;

/// <summary>A removal or repair of a record by a preparation step.</summary>
/// <param name="Record">The record: file and number.</param>
/// <param name="Step">Name of the step or filter.</param>
/// <param name="Action">The action.</param>
/// <param name="Reason">The reason, for the report.</param>
public sealed record RecordFinding(string Record, string Step, FindingAction Action, string Reason)
{
    /// <summary>The record it was compared with: the kept duplicate or the evaluation question; else null.</summary>
    public string? Other { get; init; }

    /// <summary>Similarity of the two records, from 0 to 1; null without a comparison.</summary>
    public double? Score { get; init; }

    /// <summary>Excerpt of the text concerned.</summary>
    public string Excerpt { get; init; } = "";
}

/// <summary>Action of a preparation step on a record.</summary>
public enum FindingAction
{
    /// <summary>The record was removed.</summary>
    Removed,

    /// <summary>The record was kept with changed text.</summary>
    Repaired,
}
