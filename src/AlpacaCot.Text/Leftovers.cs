using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace AlpacaCot.Text;

/// <summary>
/// Temporary files and folders of writes that were killed. Their names contain the number of the process, so that those of a
/// process that still runs are kept.
/// </summary>
public static partial class Leftovers
{
    private const int Depth = 8, MostEntries = 200_000; // bounds of a search in a folder that may be a whole disk

    /// <summary>A new name of a temporary file or folder beside a path.</summary>
    public static string TemporaryFor(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        return Path.Combine(Path.GetDirectoryName(full)!,
            $".{Path.GetFileName(full)}.{Environment.ProcessId:x8}{Guid.NewGuid().ToString("N")[8..]}.tmp");
    }

    /// <summary>The path that a temporary file or folder is written for; another path unchanged.</summary>
    internal static string TargetOf(string path) => Path.GetFileName(path) is { Length: > 38 } name && Temporary.IsMatch(name)
        ? Path.Combine(Path.GetDirectoryName(path) ?? "", name[1..^37]) : path;

    /// <summary>
    /// Removes the name of an open scratch file, where the system allows it: the file exists as long as it is open, so a killed
    /// process leaves none.
    /// </summary>
    /// <returns>The same file.</returns>
    public static FileStream Unnamed(FileStream scratch)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        if (!OperatingSystem.IsWindows()) File.Delete(scratch.Name);
        return scratch;
    }

    /// <summary>Removes what killed processes left of writes to a path.</summary>
    public static void RemoveFor(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var folder = Path.GetDirectoryName(full);
        if (folder is null || !Directory.Exists(folder)) return;
        var start = $".{Path.GetFileName(full)}.";
        foreach (var found in Entries(folder).Where(e => Path.GetFileName(e).StartsWith(start, StringComparison.Ordinal)
            && Path.GetFileName(e).Length == start.Length + 36 && IsAbandoned(e)))
            Remove(found);
    }

    /// <summary>
    /// What killed processes left in a folder and its subfolders: temporary files, and folders that the caller knows to be parts
    /// of something unfinished.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="isPart">Whether a folder, given by its path, is such a part; null: none is.</param>
    public static IReadOnlyList<string> In(string folder, Func<string, bool>? isPart = null)
    {
        var (found, seen) = (new List<string>(), 0);
        Collect(folder, Depth, isPart ?? (_ => false), found, ref seen);
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    /// <summary>The size of a file, or of all files in a folder, in bytes.</summary>
    public static long BytesOf(string path)
    {
        try
        {
            return File.Exists(path) ? new FileInfo(path).Length
                : new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    private static void Collect(string folder, int depth, Func<string, bool> isPart, List<string> found, ref int seen)
    {
        foreach (var entry in Entries(folder))
        {
            if (++seen > MostEntries) return;
            var name = Path.GetFileName(entry);
            if (Temporary.IsMatch(name) ? IsAbandoned(entry) : Directory.Exists(entry) && isPart(entry)) found.Add(entry);
            else if (depth > 0 && Directory.Exists(entry) && new DirectoryInfo(entry).LinkTarget is null)
                Collect(entry, depth - 1, isPart, found, ref seen);
        }
    }

    private static IEnumerable<string> Entries(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static bool IsAbandoned(string entry)
    {
        var mark = Path.GetFileName(entry)[^36..^4];
        if (!int.TryParse(mark[..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var process)) return true;
        return !IsRunning(process) && !IsHeld(entry);
    }

    private static bool IsRunning(int process)
    {
        if (process <= 0) return false;
        if (OperatingSystem.IsLinux()) return Directory.Exists($"/proc/{process}");
        try
        {
            using var found = Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    // A process that writes a file holds it open without sharing, also one of another container.
    private static bool IsHeld(string path)
    {
        if (!File.Exists(path)) return false;
        try
        {
            using var free = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static void Remove(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            else File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It costs space only; the write that follows reports what prevents writing.
        }
    }

    [GeneratedRegex(@"^\.(?:.+\.)?[0-9a-f]{32}\.tmp$")]
    private static partial Regex Temporary { get; }
}
