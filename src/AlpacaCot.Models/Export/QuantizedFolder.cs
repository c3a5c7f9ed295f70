using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
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
        Write(path, folder.Config, new CheckpointWeights(folder), options, Companions.Of(model), progress);
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
        using var model = ModelFamilies.Build(config, new ShapeWeights());
        var written = BitsAndBytesFormat.Config(config, options, model.Head.Name);
        HuggingFaceFolder.Write(path, bytes: 0, [HuggingFaceFolder.Configuration(written), .. companions],
            folder => WriteShards(folder, model, weights, options, progress, shardBytes),
            folder => ModelFolder.Open(folder).Dispose());
    }

    private static void WriteShards(string folder, CausalModel model, IWeightSource weights, QuantizationOptions options,
        Action<long, long>? progress, long shardBytes)
    {
        var layers = model.Linears.Values.Where(l => l != model.Head && options.Covers(l.Name))
            .ToDictionary(l => l.Name + ".weight");
        var (done, all) = (0L, model.ParameterCount);
        var shards = new ShardedWeights(folder, shardBytes);
        foreach (var (name, shape) in model.Parameters.Select(p => (p.Key, p.Value.shape)).ToList())
        {
            shards.Add(Parts(name, shape, layers.GetValueOrDefault(name), weights, options));
            progress?.Invoke(done += shape.Aggregate(1L, (a, b) => a * b), all);
            Platform.TrimMemory(); // the full matrix
        }
        shards.Finish();
    }

    private static List<ExportTensor> Parts(string name, long[] shape, Linear? layer, IWeightSource weights,
        QuantizationOptions options)
    {
        using var scope = NewDisposeScope();
        var full = weights.Read(WeightNames.Stored(name, weights.Contains), shape);
        List<(string Name, Tensor Tensor)> parts = [(name, full)];
        if (layer is not null)
        {
            using var matrix = options.Quantize(layer.AsStored(full)); // its own inverse
            parts = [.. BitsAndBytesFormat.Tensors(name, matrix, full.dtype)];
        }
        foreach (var part in parts) part.Tensor.DetachFromDisposeScope();
        // Each is read once, which hands it over.
        return [.. parts.Select(part => new ExportTensor(part.Name, part.Tensor.dtype, part.Tensor.shape, () => part.Tensor))];
    }
}
