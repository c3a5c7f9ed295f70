using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Export;

/// <summary>A file beside the weights.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Write">Makes it under a path.</param>
public sealed record CompanionFile(string Name, Action<string> Write)
{
    /// <summary>A copy.</summary>
    public static CompanionFile Copy(string path) => new(Path.GetFileName(path), to => File.Copy(path, to));

    /// <summary>Bytes.</summary>
    public static CompanionFile Of(string name, byte[] content) => new(name, to => File.WriteAllBytes(to, content));
}

/// <summary>Writes Hugging Face model folders: configuration, tokenizer files, safetensors in one piece or in shards.</summary>
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
    public static IReadOnlyList<string> Write(string path, IReadOnlyList<OutgoingWeight> weights,
        IEnumerable<CompanionFile> companions, long shardBytes, Action<string> verify) =>
        Write(path, weights, companions, (folder, all) => WriteWeights(folder, all, shardBytes), verify);

    /// <summary>The same with weights in a form of its own.</summary>
    internal static IReadOnlyList<string> Write(string path, IReadOnlyList<OutgoingWeight> weights,
        IEnumerable<CompanionFile> companions, Action<string, IReadOnlyList<OutgoingWeight>> write, Action<string> verify)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full) || (Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any()))
            throw new InputException($"{path} is there already; name a folder that is not.");
        var parent = Path.GetDirectoryName(full) ?? throw new InputException($"{path} is no place for a folder.");
        Directory.CreateDirectory(parent);
        DiskSpace.Require(parent, weights.Sum(w => w.ByteCount));
        var temporary = Path.Combine(parent, $".{Path.GetFileName(full)}.{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            foreach (var file in companions) file.Write(Path.Combine(temporary, file.Name));
            write(temporary, weights);
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

    private static void WriteWeights(string folder, IReadOnlyList<OutgoingWeight> weights, long shardBytes)
    {
        var shards = Shards(weights, shardBytes);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), shards[0]);
            return;
        }
        var map = new JsonObject();
        foreach (var (i, shard) in shards.Index())
        {
            var name = $"model-{i + 1:00000}-of-{shards.Count:00000}.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, name), shard);
            foreach (var weight in shard) map[weight.Name] = name;
        }
        var index = new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = weights.Sum(w => w.ByteCount) }, ["weight_map"] = map,
        };
        AtomicFile.WriteText(Path.Combine(folder, "model.safetensors.index.json"), Indented(index));
    }

    private static List<List<OutgoingWeight>> Shards(IReadOnlyList<OutgoingWeight> weights, long most)
    {
        List<List<OutgoingWeight>> shards = [[]];
        long size = 0;
        foreach (var weight in weights)
        {
            if (shards[^1].Count > 0 && size + weight.ByteCount > most)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(weight);
            size += weight.ByteCount;
        }
        return shards;
    }

    /// <summary>The same as a file's content.</summary>
    internal static byte[] Bytes(JsonNode json) => System.Text.Encoding.UTF8.GetBytes(Indented(json));

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
