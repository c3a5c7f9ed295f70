using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>
/// Finds the data of benchmarks where recipes find theirs: at a path, in the data folder under a name, or in the cache of
/// downloads. Nothing is fetched; where there is nothing, the message says what to type.
/// </summary>
/// <param name="Path">The file or folder.</param>
/// <param name="Set">The set of the collection whose form it has; null where it is the benchmark's own.</param>
public sealed record BenchmarkData(string Path, IInstructionSource? Set = null)
{
    /// <summary>The file or folder that a name means.</summary>
    /// <param name="about">The benchmark.</param>
    /// <param name="given">
    /// A path, the name of a benchmark, of a set of the collection or of a file in the data folder; null: the benchmark's name.
    /// </param>
    /// <param name="folders">The data folders, in the order of looking.</param>
    /// <param name="cache">The cache of downloads; null for the one the environment names.</param>
    /// <exception cref="InputException">There is no such data, or it lies in several places.</exception>
    public static BenchmarkData Find(BenchmarkDescription about, string? given, IReadOnlyList<string> folders,
        string? cache = null)
    {
        ArgumentNullException.ThrowIfNull(about);
        if (given is not null && System.IO.Path.Exists(given)) return new(given);
        var name = given ?? about.Name;
        if (name.AsSpan().ContainsAny('/', '\\')) throw new InputException($"{name}: there is no such file or folder.");
        var known = BenchmarkSuite.All.Select(b => b.About).FirstOrDefault(b =>
            b.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (known is null && Catalogue.TryResolve(name) is { } sets) return OfSets(name, sets, folders, cache);
        if (folders.Select(f => DataFolder.Find(known?.Name ?? name, f)).FirstOrDefault(f => f is not null) is { } here)
            return new(here);
        return known is null
            ? throw new InputException($"{name}: there is no such file or folder, and neither a benchmark nor a set of the "
                + $"collection is called so. {Suggestion(name)}")
            : new(InCache(known, cache ?? HubOptions.CacheOf()) ?? throw Absent(known, folders));
    }

    private static BenchmarkData OfSets(string name, IReadOnlyList<IInstructionSource> sets, IReadOnlyList<string> folders,
        string? cache)
    {
        var found = sets.SelectMany(set => DataFolder.Find(set, folders, cache)).ToList();
        return found.Count == 1 ? new(found[0], sets[0]) : throw new InputException(found.Count == 0
            ? $"the data of {name} is not here: {Nothing(name, folders)}. Get it with: alpaca-cot data download {name}"
            : $"the data of {name} lies in {found.Count} places; name one of them with --data: {string.Join(", ", found)}");
    }

    private static string? InCache(BenchmarkDescription about, string cache)
    {
        if (about.Address is not { } address || RepositoryPart.TryParse(address) is not { } part) return null;
        var repository = new HubCache(cache, part.Repository);
        if (repository.Commit(part.At) is not { } commit) return null;
        var paths = repository.Files(commit).Select(file => file.Path).Where(part.Has).ToList();
        if (paths.Count == 0) return null;
        return System.IO.Path.Combine(repository.Snapshot(commit), part.Files switch
        {
            [var folder] when folder.EndsWith("/*", StringComparison.Ordinal) => folder[..^2],
            [_] => paths[0],
            _ => "",
        });
    }

    private static InputException Absent(BenchmarkDescription about, IReadOnlyList<string> folders)
    {
        // What the collection calls so is for training.
        var type = about.Address is null ? null : $"alpaca-cot data download {(Catalogue.TryResolve(about.Name) is null
            ? about.Name : about.Address)}";
        return new InputException($"the data of {about.Name} is not here: {Nothing(about.Name, folders)}. "
            + (type is not null ? $"Get it with: {type}; or name it with --data PATH: {about.Data}"
                : $"Name it with --data PATH: {about.Data}"));
    }

    private static string Nothing(string name, IReadOnlyList<string> folders) =>
        $"there is no file or folder {name} (such as {name}.jsonl) in "
        + string.Join(" or ", folders.Select(System.IO.Path.GetFullPath).Distinct());

    private static string Suggestion(string name) => Spelling.Nearest(name, BenchmarkSuite.All.Select(b => b.About.Name)
        .Concat(Catalogue.All.Select(s => s.Entry.Name))) is { } nearest ? $"Did you mean {nearest}?"
        : "\"alpaca-cot evaluate --list\" and \"alpaca-cot data list\" show all.";
}
