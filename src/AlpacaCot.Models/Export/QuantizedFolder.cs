using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Export;

/// <summary>
/// Writes a model folder with quantized matrices, shard by shard: of the full model one matrix exists at a time, of the
/// quantized one a shard.
/// </summary>
public static class QuantizedFolder
{
    /// <summary>Bytes of weights in a file by default.</summary>
    public const long StandardShardBytes = 1_000_000_000;

    /// <summary>Quantizes the model in a folder.</summary>
    /// <param name="model">The folder, or another form that <see cref="ModelFolder.Open"/> reads.</param>
    /// <param name="path">The folder to make; it must not be there, or be empty.</param>
    /// <param name="options">How to quantize.</param>
    /// <param name="progress">Gets the number of weights done and of all, after each.</param>
    /// <exception cref="InputException">The model cannot be read or is quantized already, or the folder is not empty.</exception>
    public static void Write(string model, string path, QuantizationOptions options, Action<long, long>? progress = null)
    {
        using var folder = ModelFolder.Open(model);
        Write(path, folder.Config, new CheckpointWeights(folder), options,
            ModelExport.Tokenizers(model).Where(file => file.Name != "config.json"), progress);
    }

    /// <summary>Quantizes a model.</summary>
    /// <param name="path">The folder to make; it must not be there, or be empty.</param>
    /// <param name="config">The full model's configuration.</param>
    /// <param name="weights">The full model's weights.</param>
    /// <param name="options">How to quantize.</param>
    /// <param name="companions">Files to copy along, such as the tokenizer's.</param>
    /// <param name="progress">Gets the number of weights done and of all, after each.</param>
    /// <param name="shardBytes">Bytes of weights in a file.</param>
    /// <exception cref="InputException">The model is quantized already, or the folder is not empty.</exception>
    public static void Write(string path, JsonElement config, IWeightSource weights, QuantizationOptions options,
        IEnumerable<CompanionFile> companions, Action<long, long>? progress = null, long shardBytes = StandardShardBytes)
    {
        if (BitsAndBytesFormat.ConfigOf(config) is { } already)
            throw new InputException($"The model is quantized already ({already.Name}); take the full one.");
        Libtorch.EnsureLoaded();
        using var quiet = no_grad();
        using var model = ModelFamilies.Build(config, new ShapesOnly());
        var written = BitsAndBytesFormat.Config(config, options, model.Head.Name);
        CompanionFile[] files = [CompanionFile.Of("config.json", HuggingFaceFolder.Bytes(written)), .. companions];
        HuggingFaceFolder.Write(path, [], files,
            (folder, _) => WriteShards(folder, model, weights, options, progress, shardBytes),
            folder => ModelFolder.Open(folder).Dispose());
    }

    private static void WriteShards(string folder, CausalModel model, IWeightSource weights, QuantizationOptions options,
        Action<long, long>? progress, long shardBytes)
    {
        var layers = model.Linears.Values.Where(l => l != model.Head && options.Covers(l.Name))
            .ToDictionary(l => l.Name + ".weight");
        var (done, all) = (0L, model.ParameterCount);
        var (files, map) = (new List<string>(), new Dictionary<string, int>());
        var shard = new List<(string Name, Tensor Tensor)>();
        var (bytes, total) = (0L, 0L);
        foreach (var (name, shape) in model.Parameters.Select(p => (p.Key, p.Value.shape)).ToList())
        {
            foreach (var part in Parts(name, shape, layers.GetValueOrDefault(name), weights, options))
            {
                shard.Add(part);
                map.Add(part.Name, files.Count);
                bytes += part.Tensor.numel() * part.Tensor.element_size();
            }
            progress?.Invoke(done += shape.Aggregate(1L, (a, b) => a * b), all);
            Platform.TrimMemory(); // the full matrix
            if (bytes >= shardBytes) Flush();
        }
        if (shard.Count > 0) Flush();
        if (files.Count == 1)
        {
            File.Move(files[0], Path.Combine(folder, "model.safetensors"));
            return;
        }
        string Final(int i) => $"model-{i + 1:00000}-of-{files.Count:00000}.safetensors"; // how many is known at the end only
        foreach (var (i, file) in files.Index()) File.Move(file, Path.Combine(folder, Final(i)));
        AtomicFile.WriteText(Path.Combine(folder, "model.safetensors.index.json"), HuggingFaceFolder.Indented(new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = total },
            ["weight_map"] = new JsonObject(map.Select(m => KeyValuePair.Create(m.Key, (JsonNode?)Final(m.Value)))),
        }));

        void Flush()
        {
            files.Add(Path.Combine(folder, $"shard-{files.Count}"));
            SafetensorsWriter.Write(files[^1], shard);
            foreach (var part in shard) part.Tensor.Dispose();
            shard.Clear();
            (total, bytes) = (total + bytes, 0);
        }
    }

    private static List<(string Name, Tensor Tensor)> Parts(string name, long[] shape, Linear? layer, IWeightSource weights,
        QuantizationOptions options)
    {
        using var scope = NewDisposeScope();
        var stored = ModelBuilder.Stored(weights, name);
        var full = weights.Read(stored, shape);
        List<(string Name, Tensor Tensor)> parts = [(name, full)];
        if (layer is not null)
        {
            using var matrix = options.Quantize(layer.AsStored(full)); // its own inverse
            parts = [.. BitsAndBytesFormat.Tensors(name, matrix, full.dtype)];
        }
        foreach (var part in parts) part.Tensor.DetachFromDisposeScope();
        return parts;
    }
}
