using System.IO.Enumeration;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>Finds the files that a path stands for: a file, a folder of data files, or a pattern such as
/// <c>data/*.jsonl</c>.</summary>
public static class DataFiles
{
    /// <summary>Whether a path is a pattern: no such file exists, and it contains <c>*</c> or <c>?</c>.</summary>
    public static bool IsPattern(string path) => path.AsSpan().IndexOfAny('*', '?') >= 0 && !Path.Exists(path);

    /// <summary>Whether the path stands for a file, a folder, or a pattern with at least one match.</summary>
    public static bool Exist(string path) => IsPattern(path) ? Matches(path).Count > 0 : Path.Exists(path);

    /// <summary>The files in the order of their names. In a pattern <c>**</c> stands for any folders.</summary>
    /// <exception cref="InputException">There is no such file or folder, the folder contains no data file, or nothing matches the
    /// pattern.</exception>
    public static IReadOnlyList<string> Find(string path)
    {
        if (!IsPattern(path)) return File.Exists(path) || Directory.Exists(path) ? RawFiles.In(path)
            : throw new InputException($"{path}: file not found.");
        return Matches(path) is { Count: > 0 } found ? found
            : throw new InputException($"{path}: no file matches this pattern; * stands for any part of a name, ** for any "
                + "folders.");
    }

    /// <summary>Reads the records of all files of a path, one file after another.</summary>
    /// <exception cref="InputException">As for <see cref="Find"/>; during enumeration as for
    /// <see cref="InstructionFile"/>.</exception>
    public static IEnumerable<Conversation> Read(string path, ReadOptions? options = null) =>
        Find(path).SelectMany(file => InstructionFile.Read(file, options));

    private static List<string> Matches(string pattern)
    {
        var parts = pattern.Replace('\\', '/').Split('/');
        var fixedParts = parts.TakeWhile(part => part.AsSpan().IndexOfAny('*', '?') < 0).Count();
        var start = string.Join('/', parts.Take(fixedParts));
        var folder = fixedParts == 0 ? "." : start.Length == 0 ? "/" : start;
        if (!Directory.Exists(folder)) return [];
        var rest = parts[fixedParts..];
        var files = rest.Contains("**") ? FolderFiles.Below(folder)
            : Directory.EnumerateFiles(folder, "*", new EnumerationOptions
            {
                RecurseSubdirectories = rest.Length > 1, MaxRecursionDepth = rest.Length - 1, AttributesToSkip = 0,
            });
        // Only the part behind the fixed one is matched; a file of the folder itself keeps the path as the user wrote it.
        return [.. files.Where(file => !Path.GetFileName(file).StartsWith('.')
                && IsMatch(Path.GetRelativePath(folder, file).Replace('\\', '/').Split('/'), rest))
            .Select(file => fixedParts == 0 ? Path.GetRelativePath(".", file) : file).Order(StringComparer.Ordinal)];
    }

    private static bool IsMatch(ReadOnlySpan<string> path, ReadOnlySpan<string> pattern)
    {
        if (pattern.IsEmpty) return path.IsEmpty;
        if (pattern[0] != "**")
            return !path.IsEmpty && FileSystemName.MatchesSimpleExpression(pattern[0], path[0], ignoreCase: false)
                && IsMatch(path[1..], pattern[1..]);
        for (var skipped = 0; skipped <= path.Length; skipped++)
            if (IsMatch(path[skipped..], pattern[1..])) return true;
        return false;
    }
}
