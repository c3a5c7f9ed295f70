namespace AlpacaCot.Cli.Machine;

/// <summary>The state of one part of the machine.</summary>
internal enum FindingState
{
    /// <summary>Present and suitable.</summary>
    Ok,

    /// <summary>Absent, and needed for some uses only.</summary>
    Optional,

    /// <summary>Present, with a drawback.</summary>
    Warning,

    /// <summary>Absent, and training needs it.</summary>
    Missing,
}

/// <summary>One row of <c>doctor</c>.</summary>
/// <param name="Name">The part that was checked.</param>
/// <param name="State">Its state.</param>
/// <param name="Value">What was found.</param>
/// <param name="Note">The effect on training; may be empty.</param>
/// <param name="Remedy">A command that helps; may be empty.</param>
internal sealed record MachineFinding(string Name, FindingState State, string Value, string Note = "", string Remedy = "");
