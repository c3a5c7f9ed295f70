namespace AlpacaCot.Data.Collection;

/// <summary>
/// The folder in which the data of sets is looked for: a file or folder called like the set, such as <c>data/dolly.jsonl</c> or
/// <c>data/belle-0.5m/</c>.
/// </summary>
public static class DataFolder
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "ALPACACOT_DATA";

    private static readonly string[] Endings = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];
    private static readonly string[] Packings = ["", ".gz", ".zst"];

    /// <summary>The folder in force: the environment's, or else <c>data</c> in the current folder.</summary>
    public static string Default => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named ? named : "data";

    /// <summary>The file or folder that holds a set's data; null where there is none.</summary>
    /// <param name="source">The set.</param>
    /// <param name="folders">Where to look, in this order.</param>
    public static string? Find(IInstructionSource source, params IEnumerable<string> folders)
    {
        if (source is ColumnSource { Path: { } stated }) return File.Exists(stated) || Directory.Exists(stated) ? stated : null;
        string[] names = [source.Entry.Name, .. source.Entry.Aliases.Where(alias => !alias.Contains('/'))];
        return folders.Where(Directory.Exists).SelectMany(folder =>
            names.SelectMany(name => Candidates(Path.Combine(folder, name))))
            .FirstOrDefault(path => File.Exists(path) || Directory.Exists(path));
    }

    private static IEnumerable<string> Candidates(string name) =>
        Endings.SelectMany(ending => Packings.Select(packing => name + ending + packing)).Append(name);
}
