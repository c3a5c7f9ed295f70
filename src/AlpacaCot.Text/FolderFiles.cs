namespace AlpacaCot.Text;

/// <summary>Lists the files below a folder. Links to folders are followed, each folder is listed once.</summary>
public static class FolderFiles
{
    private const int Most = 1_000_000;

    /// <summary>All files below a folder, in the order of their paths within each folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="pattern">A pattern of file names, such as <c>*.json</c>.</param>
    /// <exception cref="InputException">A folder cannot be read, or there are more than a million files.</exception>
    public static IEnumerable<string> Below(string folder, string pattern = "*")
    {
        var (count, seen) = (0, new HashSet<string>(StringComparer.Ordinal));
        var open = new Stack<string>([folder]);
        while (open.TryPop(out var next))
        {
            // A link that points to a folder above it would be followed for ever.
            if (!seen.Add(InputBoundary.Read(next, () => RealPath(next)))) continue;
            foreach (var file in InputBoundary.Read(next, () => Directory.GetFiles(next, pattern).Order(StringComparer.Ordinal)))
                yield return ++count <= Most ? file
                    : throw new InputException($"{folder}: the folder contains more than {Most:N0} files; give a folder of data");
            foreach (var inner in InputBoundary.Read(next, () => Directory.GetDirectories(next).OrderDescending(
                StringComparer.Ordinal)))
                open.Push(inner);
        }
    }

    private static string RealPath(string folder)
    {
        var path = Path.GetFullPath(folder);
        var parent = Path.GetDirectoryName(path);
        if (parent is null) return path;
        if (new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true) is { } target) return RealPath(target.FullName);
        return Path.Combine(RealPath(parent), Path.GetFileName(path));
    }
}
