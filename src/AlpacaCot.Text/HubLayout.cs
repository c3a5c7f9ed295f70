namespace AlpacaCot.Text;

/// <summary>
/// The layout of the hub's cache: a folder <c>KIND--OWNER--NAME</c> for each repository, in which <c>blobs/DIGEST</c> has
/// contents, <c>snapshots/COMMIT/PATH</c> links to them, and <c>refs/BRANCH</c> has the commit of a branch.
/// Source: huggingface.co/docs/hub/local-cache.
/// </summary>
public static class HubLayout
{
    /// <summary>The kind of repositories of models.</summary>
    public const string Models = "models";

    /// <summary>The folder with the files of commits.</summary>
    public const string Snapshots = "snapshots";

    /// <summary>The folder with the contents.</summary>
    public const string Blobs = "blobs";

    /// <summary>The folder with the commits of branches.</summary>
    public const string References = "refs";

    private const string Between = "--", Main = "main";

    /// <summary>The name of a repository's folder.</summary>
    /// <param name="kind">The kind of the repository, such as <see cref="Models"/>.</param>
    /// <param name="id">Its id, OWNER/NAME.</param>
    public static string FolderOf(string kind, string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return $"{kind}{Between}{id.Replace("/", Between, StringComparison.Ordinal)}";
    }

    /// <summary>The id of the model whose folder a path is in; null for a path outside the cache.</summary>
    public static string? ModelIdOf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var folder = path.Split(Path.DirectorySeparatorChar).LastOrDefault(IsOfModel);
        return folder?[(Models + Between).Length..].Replace(Between, "/", StringComparison.Ordinal);
    }

    /// <summary>The snapshot of a model's folder, given at any of its levels; any other path is returned unchanged.</summary>
    /// <exception cref="InputException">The folder has no snapshot, or several and no reference to one.</exception>
    public static string SnapshotOfModel(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(path);
        if (Path.GetFileName(full) == Snapshots && IsCache(Path.GetDirectoryName(Path.GetFullPath(full))!))
            full = Path.GetDirectoryName(Path.GetFullPath(full))!;
        if (!IsCache(full)) return path;
        var snapshots = Path.Combine(full, Snapshots);
        var reference = Path.Combine(full, References, Main);
        if (File.Exists(reference) && Path.Combine(snapshots, File.ReadAllText(reference).Trim()) is var main
            && Directory.Exists(main))
            return main;
        var all = Directory.Exists(snapshots) ? Directory.GetDirectories(snapshots) : [];
        return all.Length == 1 ? all[0] : throw new InputException(all.Length == 0
            ? $"{path} is a folder of the Hugging Face cache without a snapshot; download the model again."
            : $"{path} has {all.Length} snapshots and no {References}/{Main}; name one of them: "
                + $"{string.Join(", ", all.Take(4))}.");
    }

    private static bool IsOfModel(string folder) => folder.StartsWith(Models + Between, StringComparison.Ordinal);

    private static bool IsCache(string path) => IsOfModel(Path.GetFileName(path))
        && !File.Exists(Path.Combine(path, "config.json"))
        && (Directory.Exists(Path.Combine(path, Snapshots)) || Directory.Exists(Path.Combine(path, Blobs)));
}
