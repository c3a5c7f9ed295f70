using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// What killed processes left under a folder: temporary files, and the <c>.partial</c>, <c>.old</c> and <c>.damaged</c> folders
/// of runs that no process works on.
/// </summary>
public static partial class RunLeftovers
{
    /// <summary>The paths of what is left in a folder and its subfolders, in order.</summary>
    public static IReadOnlyList<string> In(string folder) => Leftovers.In(folder, IsPart);

    private static bool IsPart(string path)
    {
        if (!Parts.IsMatch(Path.GetFileName(path))) return false;
        var within = Path.GetDirectoryName(path)!; // the run, or its folder of checkpoints
        return !RunLock.IsHeld(within) && !RunLock.IsHeld(Path.Combine(within, ".."));
    }

    [GeneratedRegex(@"^(?:step-[0-9]+|best|adapter|model)\.(?:partial|old|damaged)$|^\.partial$")]
    private static partial Regex Parts { get; }
}
