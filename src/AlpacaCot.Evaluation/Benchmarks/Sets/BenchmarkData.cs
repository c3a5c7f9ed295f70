using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Download;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>
/// Locates benchmark data where recipes find training data: at a path, by name in the data folder, or in the download cache.
/// Nothing is downloaded; if the data is missing, the message contains the command to type.
/// </summary>
/// <param name="Path">Path of the file or folder.</param>
/// <param name="Set">Data set of the collection whose format the data has; null for the benchmark's own format.</param>
public sealed record BenchmarkData(string Path, IInstructionSource? Set = null)
{
    /// <summary>Finds the data of a benchmark.</summary>
    /// <param name="about">The benchmark.</param>
    /// <param name="given">
    /// A path, or the name of a benchmark, a data set or a file in the data folder; null: the benchmark's name.
    /// </param>
    /// <param name="folders">Data folders, in search order.</param>
    /// <param name="cache">The download cache; null for the one from the environment.</param>
    /// <exception cref="InputException">The data was not found, or found in several places.</exception>
    public static BenchmarkData Find(BenchmarkDescription about, string? given, IReadOnlyList<string> folders,
        string? cache = null)
    {
        ArgumentNullException.ThrowIfNull(about);
        if (given is not null && System.IO.Path.Exists(given)) return new(given);
        var name = given ?? about.Name;
        if (name.AsSpan().ContainsAny('/', '\\')) throw new InputException($"{name}: file or folder not found.");
        var known = BenchmarkSuite.All.Select(b => b.About).FirstOrDefault(b =>
            b.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (known is null && Catalogue.TryResolve(name) is { } sets) return OfSets(name, sets, folders, cache);
        if (folders.Select(f => DataFolder.Find(known?.Name ?? name, f)).FirstOrDefault(f => f is not null) is { } here)
            return new(here);
        return known is null
            ? throw new InputException($"{name}: file or folder not found, and neither a benchmark nor a data set of the "
                + $"collection has this name. {Suggestion(name)}")
            : new(InCache(known, cache ?? HubOptions.CacheOf()) ?? throw Absent(known, folders));
    }

    private static BenchmarkData OfSets(string name, IReadOnlyList<IInstructionSource> sets, IReadOnlyList<string> folders,
        string? cache)
    {
        var found = sets.SelectMany(set => DataFolder.Find(set, folders, cache)).ToList();
        return found.Count == 1 ? new(found[0], sets[0]) : throw new InputException(found.Count == 0
            ? $"the data of {name} was not found: {Nothing(name, folders)}. Get it with: alpaca-cot data download {name}"
            : $"the data of {name} was found in {found.Count} places; choose one with --data: {string.Join(", ", found)}");
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
        // The collection's data set of this name contains training data.
        var type = about.Address is null ? null : $"alpaca-cot data download {(Catalogue.TryResolve(about.Name) is null
            ? about.Name : about.Address)}";
        return new InputException($"the data of {about.Name} was not found: {Nothing(about.Name, folders)}. "
            + (type is not null ? $"Get it with: {type}; or pass it with --data PATH: {about.Data}"
                : $"Pass it with --data PATH: {about.Data}"));
    }

    private static string Nothing(string name, IReadOnlyList<string> folders) =>
        $"there is no file or folder {name} (such as {name}.jsonl) in "
        + string.Join(" or ", folders.Select(System.IO.Path.GetFullPath).Distinct());

    private static string Suggestion(string name) => Spelling.Nearest(name, BenchmarkSuite.All.Select(b => b.About.Name)
        .Concat(Catalogue.All.Select(s => s.Entry.Name))) is { } nearest ? $"Did you mean {nearest}?"
        : "\"alpaca-cot evaluate --list\" and \"alpaca-cot data list\" list all.";
}
