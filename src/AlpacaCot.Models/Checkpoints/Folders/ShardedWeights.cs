using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Folders;

/// <summary>
/// Writes weights, in the given order, into a folder's <c>model.safetensors</c>, or into shards of limited size with
/// an index. A full shard is written at once under a temporary name; the final names contain the number of shards.
/// </summary>
/// <param name="folder">An existing folder.</param>
/// <param name="shardBytes">The maximum size of a file in bytes; weights that are added together stay in one file, even above
/// it.</param>
internal sealed class ShardedWeights(string folder, long shardBytes)
{
    private const string Whole = "model.safetensors", Index = "model.safetensors.index.json";

    private readonly List<ExportTensor> _shard = [];
    private readonly List<string> _files = [];
    private readonly List<(string Name, int File)> _written = [];
    private long _bytes, _total;

    /// <summary>Adds weights that stay in one file. Each is read, and disposed, when its shard is written.</summary>
    public void Add(params IReadOnlyList<ExportTensor> together)
    {
        var size = together.Sum(weight => weight.ByteCount);
        if (_shard.Count > 0 && _bytes + size > shardBytes) Flush();
        _shard.AddRange(together);
        _bytes += size;
    }

    /// <summary>Writes the last shard and the index.</summary>
    public void Finish()
    {
        if (_shard.Count > 0 || _files.Count == 0) Flush();
        if (_files.Count == 1)
        {
            File.Move(_files[0], Path.Combine(folder, Whole), overwrite: true);
            File.Delete(Path.Combine(folder, Index)); // of an earlier write
            return;
        }
        foreach (var (i, file) in _files.Index()) File.Move(file, Path.Combine(folder, Name(i)), overwrite: true);
        var map = new JsonObject();
        foreach (var (name, file) in _written) map[name] = Name(file);
        var index = new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = _total }, ["weight_map"] = map };
        AtomicFile.WriteText(Path.Combine(folder, Index), HuggingFaceFolder.Indented(index));
        File.Delete(Path.Combine(folder, Whole));
    }

    private string Name(int file) => $"model-{file + 1:00000}-of-{_files.Count:00000}.safetensors";

    private void Flush()
    {
        _written.AddRange(_shard.Select(weight => (weight.Name, _files.Count)));
        _files.Add(Path.Combine(folder, $"shard-{_files.Count}"));
        SafetensorsWriter.Write(_files[^1], _shard);
        _shard.Clear();
        (_total, _bytes) = (_total + _bytes, 0);
    }
}
