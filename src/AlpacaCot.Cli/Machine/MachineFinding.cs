namespace AlpacaCot.Cli.Machine;

/// <summary>How well something on this machine serves.</summary>
internal enum FindingState
{
    /// <summary>There and good.</summary>
    Ok,

    /// <summary>Not there, and only some uses need it.</summary>
    Optional,

    /// <summary>There, with a drawback.</summary>
    Warning,

    /// <summary>Not there, and nothing trains without it.</summary>
    Missing,
}

/// <summary>One row of <c>doctor</c>.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="State">How well it serves.</param>
/// <param name="Value">What was found.</param>
/// <param name="Note">What it means for training; may be empty.</param>
/// <param name="Remedy">A command that helps; may be empty.</param>
internal sealed record MachineFinding(string Name, FindingState State, string Value, string Note = "", string Remedy = "");
