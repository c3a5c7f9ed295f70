using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Writes Hugging Face model folders: configuration, companions, safetensors in one piece or in shards. Full tuning, merging,
/// quantizing and exporting all write through it.
/// </summary>
public static class HuggingFaceFolder
{
    /// <summary>Where the reference implementation begins to split.</summary>
    public const long StandardShardBytes = 5_000_000_000;

    /// <summary>
    /// Writes a folder beside its place, lets <paramref name="verify"/> look at it, and moves it there: it is whole or absent.
    /// </summary>
    /// <param name="path">The folder; it must not be there, or be empty.</param>
    /// <param name="weights">The weights; one is in memory at a time.</param>
    /// <param name="companions">The other files, <c>config.json</c> among them.</param>
    /// <param name="shardBytes">The most bytes of weights in a file, except that every file has a weight.</param>
    /// <param name="verify">Opens the folder and throws when it is not what it should be.</param>
    /// <returns>The names of the files.</returns>
    /// <exception cref="InputException">There is something in its place, or no room.</exception>
    public static IReadOnlyList<string> Write(string path, IReadOnlyList<ExportTensor> weights,
        IEnumerable<CompanionFile> companions, long shardBytes, Action<string> verify) =>
        Write(path, weights.Sum(w => w.ByteCount), companions, folder => WriteWeights(folder, weights, shardBytes), verify);

    /// <summary>
    /// Writes the same files into a folder that the caller replaces as a whole. Files that are there and belong to another model
    /// stay, except its weights.
    /// </summary>
    /// <param name="folder">The folder, made where it is absent.</param>
    /// <param name="weights">The weights; one is in memory at a time.</param>
    /// <param name="companions">The other files, <c>config.json</c> among them.</param>
    /// <param name="shardBytes">The most bytes of weights in a file, except that every file has a weight.</param>
    public static void WriteInto(string folder, IReadOnlyList<ExportTensor> weights, IEnumerable<CompanionFile> companions,
        long shardBytes = StandardShardBytes)
    {
        Directory.CreateDirectory(folder);
        foreach (var file in companions) file.Write(Path.Combine(folder, file.Name));
        WriteWeights(folder, weights, shardBytes);
    }

    /// <summary>The same as <c>Write</c> with weights in a form of their own.</summary>
    /// <param name="path">The folder; it must not be there, or be empty.</param>
    /// <param name="bytes">The room that the weights need; 0 where it is not known.</param>
    /// <param name="companions">The other files.</param>
    /// <param name="write">Writes the weights into a folder.</param>
    /// <param name="verify">Opens the folder and throws when it is not what it should be.</param>
    internal static IReadOnlyList<string> Write(string path, long bytes, IEnumerable<CompanionFile> companions,
        Action<string> write, Action<string> verify)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full) || (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any()))
            throw new InputException($"{path} is there already; name a folder that is not.");
        var parent = Path.GetDirectoryName(full) ?? throw new InputException($"{path} is no place for a folder.");
        Directory.CreateDirectory(parent);
        DiskSpace.Require(parent, bytes);
        var temporary = Path.Combine(parent, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            foreach (var file in companions) file.Write(Path.Combine(temporary, file.Name));
            write(temporary);
            verify(temporary);
            if (Directory.Exists(full)) Directory.Delete(full); // empty
            Directory.Move(temporary, full);
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

    /// <summary>JSON as the configuration files have it.</summary>
    internal static string Indented(JsonNode json) =>
        json.ToJsonString(new JsonSerializerOptions
        {
            WriteIndented = true, NewLine = "\n", Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }) + "\n";
}

/// <summary>Room on a disk.</summary>
internal static class DiskSpace
{
    /// <summary>Refuses at the start what would fail at the end.</summary>
    public static void Require(string folder, long bytes)
    {
        var free = new DriveInfo(folder).AvailableFreeSpace;
        if (free < bytes)
            throw new InputException($"{folder} has room for {free / 1e9:0.0} GB; {bytes / 1e9:0.0} GB are needed.");
    }
}
