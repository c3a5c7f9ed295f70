namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// The cache layout of Hugging Face's libraries: <c>models--ORG--NAME</c> with <c>snapshots/COMMIT/</c>, which has the files, and
/// <c>refs/main</c>, which names a commit.
/// </summary>
public static class HubCache
{
    /// <summary>The snapshot of a cache folder, given at any of its levels; any other path is returned unchanged.</summary>
    /// <exception cref="InputException">The folder has no snapshot, or several and no reference to one.</exception>
    public static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(path);
        if (Path.GetFileName(full) == "snapshots" && IsCache(Path.GetDirectoryName(Path.GetFullPath(full))!))
            full = Path.GetDirectoryName(Path.GetFullPath(full))!;
        if (!IsCache(full)) return path;
        var snapshots = Path.Combine(full, "snapshots");
        var reference = Path.Combine(full, "refs", "main");
        if (File.Exists(reference) && Path.Combine(snapshots, File.ReadAllText(reference).Trim()) is var main
            && Directory.Exists(main))
            return main;
        var all = Directory.Exists(snapshots) ? Directory.GetDirectories(snapshots) : [];
        return all.Length == 1 ? all[0] : throw new InputException(all.Length == 0
            ? $"{path} is a folder of the Hugging Face cache without a snapshot; download the model again."
            : $"{path} has {all.Length} snapshots and no refs/main; name one of them: {string.Join(", ", all.Take(4))}.");
    }

    private static bool IsCache(string path) =>
        Path.GetFileName(path).StartsWith("models--", StringComparison.Ordinal) && !File.Exists(Path.Combine(path, "config.json"))
        && (Directory.Exists(Path.Combine(path, "snapshots")) || Directory.Exists(Path.Combine(path, "blobs")));
}
