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
/// Writes a model folder with quantized matrices, shard by shard: at most one full matrix and one quantized shard are in
/// memory.
/// </summary>
public static class QuantizedFolder
{
    /// <summary>The default maximum size of a weight file in bytes.</summary>
    public const long StandardShardBytes = 1_000_000_000;

    /// <summary>Quantizes the model in a folder.</summary>
    /// <param name="model">The folder, or another format that <see cref="ModelFolder.Open"/> reads.</param>
    /// <param name="path">The folder to create; it must be absent or empty.</param>
    /// <param name="options">The quantization.</param>
    /// <param name="progress">Called after each tensor with the number of weights done and in total.</param>
    /// <exception cref="InputException">The model cannot be read or is quantized already, or the folder is not empty.</exception>
    public static void Write(string model, string path, QuantizationOptions options, Action<long, long>? progress = null)
    {
        using var folder = ModelFolder.Open(model);
        Write(path, folder.Config, new CheckpointWeights(folder), options, Companions.Of(model), progress);
    }

    /// <summary>Quantizes a model.</summary>
    /// <param name="path">The folder to create; it must be absent or empty.</param>
    /// <param name="config">The full model's configuration.</param>
    /// <param name="weights">The full model's weights.</param>
    /// <param name="options">The quantization.</param>
    /// <param name="companions">Further files to write, such as the tokenizer's.</param>
    /// <param name="progress">Called after each tensor with the number of weights done and in total.</param>
    /// <param name="shardBytes">The maximum size of a weight file in bytes.</param>
    /// <exception cref="InputException">The model is quantized already, or the folder is not empty.</exception>
    public static void Write(string path, JsonElement config, IWeightSource weights, QuantizationOptions options,
        IEnumerable<CompanionFile> companions, Action<long, long>? progress = null, long shardBytes = StandardShardBytes)
    {
        if (BitsAndBytesFormat.ConfigOf(config) is { } already)
            throw new InputException($"The model is quantized already ({already.Name}); quantize the full model instead.");
        Libtorch.EnsureLoaded();
        using var quiet = no_grad();
        using var model = ModelFamilies.Build(config, new ShapeWeights(described: weights));
        var written = BitsAndBytesFormat.Config(config, options, model.Head.Name);
        model.Tie.Write(written, model.IsHeadTied);
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
            using var matrix = options.Quantize(layer.AsStored(full)); // AsStored is its own inverse
            parts = [.. BitsAndBytesFormat.Tensors(name, matrix, full.dtype)];
        }
        foreach (var part in parts) part.Tensor.DetachFromDisposeScope();
        // Each tensor is read once; reading transfers its ownership.
        return [.. parts.Select(part => new ExportTensor(part.Name, part.Tensor.dtype, part.Tensor.shape, () => part.Tensor))];
    }
}
