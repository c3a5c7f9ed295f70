using System.Globalization;

namespace AlpacaCot.Text;

/// <summary>Explains why something cannot be written: a full disk, a read-only file system, missing permission.</summary>
public static class WriteProblem
{
    private const int NoSpaceUnix = 28, QuotaUnix = 122, QuotaMac = 69, ReadOnlyUnix = 30;
    private const int NoSpaceWindows = unchecked((int)0x80070070), HandleFullWindows = unchecked((int)0x80070027);

    /// <summary>Whether an exception is an error of the disk or of permissions.</summary>
    public static bool Is(Exception e) => e is IOException or UnauthorizedAccessException;

    /// <summary>Whether the disk, or the user's part of it, is full.</summary>
    public static bool IsFull(Exception e) => e is IOException && (OperatingSystem.IsWindows()
        ? e.HResult is NoSpaceWindows or HandleFullWindows : e.HResult is NoSpaceUnix or QuotaUnix or QuotaMac);

    /// <summary>An exception whose message is one sentence with the path, the need and the remedy.</summary>
    /// <param name="e">The cause.</param>
    /// <param name="path">What was written; null: the path in the cause's message.</param>
    /// <param name="bytes">The space needed in bytes; null: unknown.</param>
    /// <param name="afterwards">What to do once it can be written; null: run the command again.</param>
    public static InputException Explain(Exception e, string? path, long? bytes = null, string? afterwards = null)
    {
        ArgumentNullException.ThrowIfNull(e);
        var where = path ?? PathIn(e.Message) ?? "the output";
        var then = afterwards ?? "run the command again";
        if (IsFull(e))
            return new($"{where} cannot be written: the disk is full ({Space(where, bytes)}); free disk space, or choose a "
                + "folder on "
                + $"another disk, and {then}.", e);
        if (e is IOException && !OperatingSystem.IsWindows() && e.HResult == ReadOnlyUnix)
            return new($"{where} cannot be written: it is on a read-only file system; choose a folder that can be written, and "
                + $"{then}.",
                e);
        if (e is UnauthorizedAccessException)
            return new(Directory.Exists(where) && PathIn(e.Message) == Path.GetFullPath(where) && path is null
                ? $"{where} cannot be opened: it is a folder, or you have no permission for it; check the path, and {then}."
                : $"{where} cannot be written: no permission (user {Environment.UserName}); choose another folder, or change the "
                    + $"permissions (chmod u+w), and {then}.", e);
        return new($"{where}: {e.Message}; check the path and the disk, and {then}.", e);
    }

    private static string Space(string path, long? needed)
    {
        var free = Free(path) is { } bytes ? $"{Size(bytes)} free" : "no space left";
        return needed is { } need ? $"about {Size(need)} are needed, {free}" : free;
    }

    private static long? Free(string path)
    {
        try
        {
            var folder = Path.GetFullPath(path);
            while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent) folder = parent;
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    private static string Size(long bytes) => string.Create(CultureInfo.InvariantCulture,
        $"{(bytes < 1_000_000_000 ? Math.Ceiling(bytes / 1e6) : bytes / 1e9):0.#} {(bytes < 1_000_000_000 ? "MB" : "GB")}");

    // The runtime's messages end with the path in quotes.
    internal static string? PathIn(string message)
    {
        var last = message.LastIndexOf('\'');
        var first = last > 0 ? message.LastIndexOf('\'', last - 1) : -1;
        return first >= 0 ? Leftovers.TargetOf(message[(first + 1)..last]) : null;
    }
}
