using AlpacaCot.Data.Download;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Locates the data of data sets: a file or folder named after the set (<c>data/dolly.jsonl</c>,
/// <c>data/belle-0.5m/</c>), or the download cache.
/// </summary>
public static class DataFolder
{
    /// <summary>Environment variable with the data folder's path.</summary>
    public const string Variable = "ALPACACOT_DATA";

    private static readonly string[] Endings = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];
    private static readonly string[] Packings = ["", ".gz", ".zst"];

    /// <summary>The data folder: from <see cref="Variable"/>, else <c>data</c> in the current directory.</summary>
    public static string Default => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : "data";

    /// <summary>
    /// Finds the files and folders of a data set: the first match in the folders, else the cached files of its repositories at
    /// their main branches. Empty if not found, or if the cache lacks one of its repositories or files.
    /// </summary>
    /// <param name="source">The data set.</param>
    /// <param name="folders">Folders to search, in this order.</param>
    /// <param name="cache">The download cache; null for the one from the environment.</param>
    public static IReadOnlyList<string> Find(IInstructionSource source, IEnumerable<string> folders, string? cache = null)
    {
        if (source is ColumnSource { Path: { } stated }) return DataFiles.Exist(stated) ? [stated] : [];
        string[] names = [source.Entry.Name, .. source.Entry.Aliases.Where(alias => !alias.Contains('/'))];
        var found = folders.Where(Directory.Exists).SelectMany(folder =>
            names.SelectMany(name => Candidates(Path.Combine(folder, name))))
            .FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));
        if (found is not null) return [found];
        var parts = source.Entry.Repositories.Select(part => InCache(part, cache ?? HubOptions.CacheOf())).ToList();
        return parts.Exists(part => part.Count == 0) ? [] : [.. parts.SelectMany(part => part)];
    }

    /// <summary>Reads a data set from several files or folders, in order.</summary>
    public static IEnumerable<Conversation> Convert(this IInstructionSource source, IReadOnlyList<string> paths,
        ConvertOptions options) => paths.SelectMany(path => source.Convert(path, options));

    private static IReadOnlyList<string> InCache(RepositoryPart part, string cache)
    {
        var repository = new HubCache(cache, part.Repository);
        if (repository.Commit(part.At) is not { } commit) return [];
        var snapshot = repository.Snapshot(commit);
        var paths = repository.Files(commit).Select(file => file.Path)
            .Where(path => part.Has(path) && RawFiles.IsData(path)).ToList();
        // An incomplete data set must not be used as if it were complete.
        if (!part.Files.All(pattern => paths.Exists(path => RepositoryPart.Matches([pattern], path)))) return [];
        var files = paths.ConvertAll(path => Path.Combine(snapshot, path));
        if (files.Count < 2) return files;
        // If the folder contains nothing else, report it instead of all its files.
        var folder = files.Select(file => Path.GetDirectoryName(file)!).MinBy(f => f.Length)!;
        while (!files.TrueForAll(file => file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
            folder = Path.GetDirectoryName(folder)!;
        return FolderFiles.Below(folder).Count(RawFiles.IsData) == files.Count
            ? [folder] : files;
    }

    /// <summary>Finds the file or folder with a name; null if there is none.</summary>
    /// <param name="name">The name without extension.</param>
    /// <param name="folder">The folder to search.</param>
    public static string? Find(string name, string folder) =>
        Candidates(Path.Combine(folder, name)).FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));

    private static IEnumerable<string> Candidates(string name) =>
        Endings.SelectMany(ending => Packings.Select(packing => name + ending + packing)).Append(name);
}
