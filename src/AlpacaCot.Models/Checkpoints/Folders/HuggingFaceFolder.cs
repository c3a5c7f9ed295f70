using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Writes Hugging Face model folders: configuration, companions, safetensors as one file or as shards. Full tuning, merging,
/// quantizing and exporting use it.
/// </summary>
public static class HuggingFaceFolder
{
    /// <summary>The maximum shard size of the reference implementation (transformers), in bytes.</summary>
    public const long StandardShardBytes = 5_000_000_000;

    /// <summary>
    /// Writes a temporary folder beside the target, checks it with <paramref name="verify"/>, and renames it: the target is
    /// complete or absent.
    /// </summary>
    /// <param name="path">The folder; it must be absent or empty.</param>
    /// <param name="weights">The weights; one is in memory at a time.</param>
    /// <param name="companions">The other files, <c>config.json</c> among them.</param>
    /// <param name="shardBytes">The maximum size of a weight file in bytes; a larger single weight gets its own file.</param>
    /// <param name="verify">Opens the folder and throws where its content is wrong.</param>
    /// <returns>The names of the files.</returns>
    /// <exception cref="InputException">The target exists and is not empty, or the disk space is insufficient.</exception>
    public static IReadOnlyList<string> Write(string path, IReadOnlyList<ExportTensor> weights,
        IEnumerable<CompanionFile> companions, long shardBytes, Action<string> verify) =>
        Write(path, weights.Sum(w => w.ByteCount), companions, folder => WriteWeights(folder, weights, shardBytes), verify);

    /// <summary>
    /// Writes the same files into a folder that the caller replaces as a whole. Other existing files are kept, except weight
    /// files of the same names.
    /// </summary>
    /// <param name="folder">The folder, created where absent.</param>
    /// <param name="weights">The weights; one is in memory at a time.</param>
    /// <param name="companions">The other files, <c>config.json</c> among them.</param>
    /// <param name="shardBytes">The maximum size of a weight file in bytes; a larger single weight gets its own file.</param>
    public static void WriteInto(string folder, IReadOnlyList<ExportTensor> weights, IEnumerable<CompanionFile> companions,
        long shardBytes = StandardShardBytes)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in companions) file.Write(Path.Combine(folder, file.Name));
        WriteWeights(folder, weights, shardBytes);
    }

    /// <summary>As <c>Write</c>, with weights in another file format.</summary>
    /// <param name="path">The folder; it must be absent or empty.</param>
    /// <param name="bytes">The size of the weights in bytes, for the disk-space check; 0 for unknown.</param>
    /// <param name="companions">The other files.</param>
    /// <param name="write">Writes the weights into a folder.</param>
    /// <param name="verify">Opens the folder and throws where its content is wrong.</param>
    internal static IReadOnlyList<string> Write(string path, long bytes, IEnumerable<CompanionFile> companions,
        Action<string> write, Action<string> verify)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full) || (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any()))
            throw new InputException($"{path} already exists and is not an empty folder; name a new folder.");
        var parent = Path.GetDirectoryName(full) ?? throw new InputException($"{path} is not a valid output directory.");
        Directory.CreateDirectory(parent);
        DiskSpace.Require(parent, bytes);
        Leftovers.RemoveFor(full);
        var temporary = Leftovers.TemporaryFor(full);
        Directory.CreateDirectory(temporary);
        try
        {
            foreach (var file in companions) file.Write(Path.Combine(temporary, file.Name));
            write(temporary);
            verify(temporary);
            AtomicFile.SyncFiles(temporary);
            if (Directory.Exists(full)) Directory.Delete(full); // empty
            Directory.Move(temporary, full);
            AtomicFile.SyncFolder(parent);
            return [.. Directory.GetFiles(full).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        }
        catch
        {
            Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    private static void WriteWeights(string folder, IReadOnlyList<ExportTensor> weights, long shardBytes)
    {
        var shards = new ShardedWeights(folder, shardBytes);
        foreach (var weight in weights) shards.Add(weight);
        shards.Finish();
    }

    /// <summary>A configuration as a file beside the weights.</summary>
    internal static CompanionFile Configuration(JsonNode json) => CompanionFile.Of("config.json", Indented(json));

    /// <summary>JSON in the layout of the configuration files.</summary>
    internal static string Indented(JsonNode json) =>
        json.ToJsonString(new JsonSerializerOptions
        {
            WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }) + "\n";
}

/// <summary>Free disk space.</summary>
internal static class DiskSpace
{
    /// <summary>Fails before writing where the free disk space is insufficient.</summary>
    public static void Require(string folder, long bytes)
    {
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < bytes)
            throw new InputException($"{folder} has {free / 1e9:0.0} GB of free space; {bytes / 1e9:0.0} GB are needed.");
    }
}
