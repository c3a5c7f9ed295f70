using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Writes weights, in the order in which they come, into a folder's <c>model.safetensors</c>, or into shards of limited size with
/// an index. A shard is written when it is full; how many there are decides their names at the end.
/// </summary>
/// <param name="folder">The folder, which is there.</param>
/// <param name="shardBytes">The most bytes of weights in a file, except that every file has what was added together.</param>
internal sealed class ShardedWeights(string folder, long shardBytes)
{
    private const string Whole = "model.safetensors", Index = "model.safetensors.index.json";

    private readonly List<ExportTensor> shard = [];
    private readonly List<string> files = [];
    private readonly List<(string Name, int File)> written = [];
    private long bytes, total;

    /// <summary>Adds weights that stay in one file. Each is read, and disposed, when its shard is written.</summary>
    public void Add(params IReadOnlyList<ExportTensor> together)
    {
        var size = together.Sum(weight => weight.ByteCount);
        if (shard.Count > 0 && bytes + size > shardBytes) Flush();
        shard.AddRange(together);
        bytes += size;
    }

    /// <summary>Writes what is left, and the index.</summary>
    public void Finish()
    {
        if (shard.Count > 0 || files.Count == 0) Flush();
        if (files.Count == 1)
        {
            File.Move(files[0], Path.Combine(folder, Whole), overwrite: true);
            File.Delete(Path.Combine(folder, Index)); // of an earlier writing
            return;
        }
        foreach (var (i, file) in files.Index()) File.Move(file, Path.Combine(folder, Name(i)), overwrite: true);
        var map = new JsonObject();
        foreach (var (name, file) in written) map[name] = Name(file);
        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = total }, ["weight_map"] = map };
        AtomicFile.WriteText(Path.Combine(folder, Index), HuggingFaceFolder.Indented(index));
        File.Delete(Path.Combine(folder, Whole));
    }

    private string Name(int file) => $"model-{file + 1:00000}-of-{files.Count:00000}.safetensors";

    private void Flush()
    {
        written.AddRange(shard.Select(weight => (weight.Name, files.Count)));
        files.Add(Path.Combine(folder, $"shard-{files.Count}"));
        SafetensorsWriter.Write(files[^1], shard);
        shard.Clear();
        (total, bytes) = (total + bytes, 0);
    }
}
