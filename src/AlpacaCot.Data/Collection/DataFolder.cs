using AlpacaCot.Data.Download;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Where the data of sets is: in a folder, as a file or folder called like the set (<c>data/dolly.jsonl</c>,
/// <c>data/belle-0.5m/</c>), or in the cache of downloads.
/// </summary>
public static class DataFolder
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "ALPACACOT_DATA";

    private static readonly string[] Endings = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];
    private static readonly string[] Packings = ["", ".gz", ".zst"];

    /// <summary>The folder in force: the environment's, or else <c>data</c> in the current folder.</summary>
    public static string Default => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : "data";

    /// <summary>
    /// The files and folders that hold a set's data: one in a folder, else what the cache has of the repositories that hold the
    /// set, at their main branches. None where it is not here, or where one of its repositories or files is missing in the cache.
    /// </summary>
    /// <param name="source">The set.</param>
    /// <param name="folders">Where to look, in this order.</param>
    /// <param name="cache">The cache of downloads; null for the one the environment names.</param>
    public static IReadOnlyList<string> Find(IInstructionSource source, IEnumerable<string> folders, string? cache = null)
    {
        if (source is ColumnSource { Path: { } stated }) return File.Exists(stated) || Directory.Exists(stated) ? [stated] : [];
        string[] names = [source.Entry.Name, .. source.Entry.Aliases.Where(alias => !alias.Contains('/'))];
        var found = folders.Where(Directory.Exists).SelectMany(folder =>
            names.SelectMany(name => Candidates(Path.Combine(folder, name))))
            .FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));
        if (found is not null) return [found];
        var parts = source.Entry.Repositories.Select(part => InCache(part, cache ?? HubOptions.CacheOf())).ToList();
        return parts.Exists(part => part.Count == 0) ? [] : [.. parts.SelectMany(part => part)];
    }

    /// <summary>Reads a set whose data lies in several files or folders, one after the other.</summary>
    public static IEnumerable<Conversation> Convert(this IInstructionSource source, IReadOnlyList<string> paths,
        ConvertOptions options) => paths.SelectMany(path => source.Convert(path, options));

    private static IReadOnlyList<string> InCache(RepositoryPart part, string cache)
    {
        var repository = new HubCache(cache, part.Repository);
        if (repository.Commit(part.At) is not { } commit) return [];
        var snapshot = repository.Snapshot(commit);
        var paths = repository.Files(commit).Select(file => file.Path)
            .Where(path => part.Has(path) && RawFiles.IsData(path)).ToList();
        // Half a set would pass for the set.
        if (!part.Files.All(pattern => paths.Exists(path => RepositoryPart.Matches([pattern], path)))) return [];
        var files = paths.ConvertAll(path => Path.Combine(snapshot, path));
        if (files.Count < 2) return files;
        // One folder says more than a thousand files, where it holds nothing else.
        var folder = files.Select(file => Path.GetDirectoryName(file)!).MinBy(f => f.Length)!;
        while (!files.TrueForAll(file => file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)))
            folder = Path.GetDirectoryName(folder)!;
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Count(RawFiles.IsData) == files.Count
            ? [folder] : files;
    }

    /// <summary>The file or folder of that name; null where there is none.</summary>
    /// <param name="name">The name, without an ending.</param>
    /// <param name="folder">Where to look.</param>
    public static string? Find(string name, string folder) =>
        Candidates(Path.Combine(folder, name)).FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));

    private static IEnumerable<string> Candidates(string name) =>
        Endings.SelectMany(ending => Packings.Select(packing => name + ending + packing)).Append(name);
}
