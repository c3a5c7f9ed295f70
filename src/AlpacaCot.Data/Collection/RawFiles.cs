using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>The data files that a path means, and their records.</summary>
internal static class RawFiles
{
    private static readonly string[] Endings = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];
    private static readonly string[] About = ["dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"];

    /// <summary>The file itself, or all data files below a folder in the order of their names, character by character.</summary>
    /// <exception cref="InputException">There is no such path, or the folder holds no data file.</exception>
    public static IReadOnlyList<string> In(string path, params string[] endings)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new InputException($"{path}: there is no such file or folder.");
        var allowed = endings.Length > 0 ? endings : Endings;
        var files = Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Where(file => IsData(file, allowed)).Order(StringComparer.Ordinal).ToList();
        return files.Count > 0 ? files
            : throw new InputException(
                $"{path}: the folder holds no data file ({string.Join(", ", allowed)}, plain, .gz or .zst).");
    }

    /// <summary>Whether a file's name is one of data: not hidden, and not what a repository says about its data.</summary>
    public static bool IsData(string file) => IsData(file, Endings);

    private static bool IsData(string file, string[] endings) => Path.GetFileName(file) is var name && !name.StartsWith('.')
        && endings.Contains(Ending(file), StringComparer.OrdinalIgnoreCase) && !About.Contains(name);

    /// <summary>The records of all files of a path.</summary>
    public static IEnumerable<RawRecord> Records(string path, ReadOptions reading) =>
        In(path).SelectMany(file => RecordFile.Read(file, reading));

    /// <summary>The ending that tells the kind of a file, without that of its compression.</summary>
    public static string Ending(string file) => Path.GetExtension(Uncompressed(file));

    /// <summary>The name of a file without folder, kind and compression.</summary>
    public static string Stem(string file) => Path.GetFileNameWithoutExtension(Uncompressed(file));

    private static string Uncompressed(string file) =>
        Path.GetExtension(file).ToLowerInvariant() is ".gz" or ".zst" ? file[..^Path.GetExtension(file).Length] : file;
}
