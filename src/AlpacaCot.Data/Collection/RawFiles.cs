using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>Finds the data files of a path and reads their records.</summary>
internal static class RawFiles
{
    private static readonly string[] Endings = [".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"];
    private static readonly string[] About = ["dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json"];

    /// <summary>The file itself, or all data files below a folder, sorted by ordinal path.</summary>
    /// <exception cref="InputException">The path does not exist, or the folder contains no data file.</exception>
    public static IReadOnlyList<string> In(string path, params string[] endings)
    {
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new InputException($"{path}: file or folder not found.");
        var allowed = endings.Length > 0 ? endings : Endings;
        var files = FolderFiles.Below(path)
            .Where(file => IsData(file, allowed)).Order(StringComparer.Ordinal).ToList();
        return files.Count > 0 ? files
            : throw new InputException(
                $"{path}: the folder contains no data file ({string.Join(", ", allowed)}, plain, .gz or .zst).");
    }

    /// <summary>Whether a file contains data: not hidden, and not repository metadata.</summary>
    public static bool IsData(string file) => IsData(file, Endings);

    private static bool IsData(string file, string[] endings) => Path.GetFileName(file) is var name && !name.StartsWith('.')
        && endings.Contains(Ending(file), StringComparer.OrdinalIgnoreCase) && !About.Contains(name);

    /// <summary>Reads the records of all files of a path.</summary>
    public static IEnumerable<RawRecord> Records(string path, ReadOptions reading) =>
        In(path).SelectMany(file => RecordFile.Read(file, reading));

    /// <summary>The extension that determines the format, without a compression extension.</summary>
    public static string Ending(string file) => Path.GetExtension(Uncompressed(file));

    /// <summary>The file name without folder, format and compression extensions.</summary>
    public static string Stem(string file) => Path.GetFileNameWithoutExtension(Uncompressed(file));

    private static string Uncompressed(string file) =>
        Path.GetExtension(file).ToLowerInvariant() is ".gz" or ".zst" ? file[..^Path.GetExtension(file).Length] : file;
}
