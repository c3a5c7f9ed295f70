#if USES_TORCH
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Tests;

/// <summary>Reading golden values, and the models they were computed with.</summary>
internal static class Golden
{
    /// <summary>A model from a folder under shared/golden; <paramref name="change"/> may break its configuration on
    /// purpose.</summary>
    public static CausalModel Model(string folder, Action<JsonObject>? change = null, ScalarType? storage = null,
        string config = "config.json", Compute? compute = null)
    {
        var path = ReferenceData.Path(folder);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(path, config)))!.AsObject();
        change?.Invoke(json);
        using var opened = ModelFolder.Open(path); // mapped tensors outlive the folder object
        IWeightSource weights = change is null ? new CheckpointWeights(opened) : new Unlisted(new CheckpointWeights(opened));
        return TestDevice.WithFault(ModelFamilies.Build(JsonSerializer.SerializeToElement(json), weights,
            storage, compute: compute ?? TestDevice.Compute));
    }

    /// <summary>
    /// Weights that do not say which there are: a configuration that is wrong on purpose may leave some unused.
    /// </summary>
    private sealed class Unlisted(IWeightSource weights) : IWeightSource
    {
        public IEnumerable<string> Names => [];

        public bool Contains(string name) => weights.Contains(name);

        public Tensor Read(string name, ReadOnlySpan<long> shape) => weights.Read(name, shape);

        public Models.Quantization.WeightMatrix? ReadQuantized(string name, long outputs, long inputs) =>
            weights.ReadQuantized(name, outputs, inputs);

        public bool Differ(string name, string other) => weights.Differ(name, other);
    }

    public static JsonElement Json(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(ReferenceData.Path(path)));
        return document.RootElement.Clone();
    }

    /// <summary>Every tensor of a safetensors file.</summary>
    public static Dictionary<string, Tensor> Tensors(string path)
    {
        using var file = SafetensorsFile.Open(ReferenceData.Path(path));
        return file.Entries.Keys.ToDictionary(name => name, name => file.Read(name).clone());
    }

    /// <summary>One of the three batches of shared/golden/inputs.json.</summary>
    public static GoldenBatch Batch(string name)
    {
        var batch = Json("golden/inputs.json").GetProperty("cases").GetProperty(name);
        return new GoldenBatch(Rows(batch, "input_ids"), Rows(batch, "attention_mask"), Rows(batch, "labels"));
    }

    public static long[][] Rows(JsonElement json, string key) =>
        [.. json.GetProperty(key).EnumerateArray().Select(row => row.EnumerateArray().Select(v => v.GetInt64()).ToArray())];

    public static double[] Numbers(JsonElement json, string key) =>
        [.. json.GetProperty(key).EnumerateArray().Select(v => v.GetDouble())];

    /// <summary>The largest difference between two tensors.</summary>
    public static double Difference(Tensor a, Tensor b) => (a.cpu() - b.cpu()).abs().max().item<float>();

    /// <summary>The difference of two tensors in relation to the size of the second.</summary>
    public static double RelativeDifference(Tensor a, Tensor b) =>
        (a.cpu() - b.cpu()).norm().item<float>() / Math.Max(b.norm().item<float>(), 1e-12);

    /// <summary>The name of a tensor in files that keep PEFT's in-memory names.</summary>
    public static string PeftName(string name) =>
        "base_model.model." + name.Replace(".lora_A.", ".lora_A.default.").Replace(".lora_B.", ".lora_B.default.");

    /// <summary>Puts an adapter's weights to those of a golden file.</summary>
    public static void Set(IAdapter adapter, IReadOnlyDictionary<string, Tensor> values)
    {
        using var quiet = no_grad();
        foreach (var (name, weight) in adapter.Parameters) weight.copy_(values[PeftName(name)]);
    }
}

/// <summary>A golden batch as a reference implementation takes it.</summary>
internal sealed record GoldenBatch(long[][] Ids, long[][] Mask, long[][] Labels)
{
    public Tensor IdTensor => tensor([.. Ids.SelectMany(r => r)], [Ids.Length, Ids[0].Length]);

    public Tensor Present => tensor([.. Mask.SelectMany(r => r.Select(v => v == 1))], [Ids.Length, Ids[0].Length]);

    public ModelInput Input => new(IdTensor) { Present = Present };

    /// <summary>The mean loss over labelled tokens, as the reference computes it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="positions">The position of each token, <c>[b, s]</c>; null: counted from 0.</param>
    public Tensor Loss(CausalModel model, Tensor? positions = null)
    {
        var (places, targets) = (new List<long>(), new List<long>());
        var length = Ids[0].Length;
        for (var row = 0; row < Ids.Length; row++)
            for (var t = 1; t < length; t++)
                if (Labels[row][t] != -100)
                {
                    places.Add(row * length + t - 1);
                    targets.Add(Labels[row][t]);
                }
        var input = Input with { Positions = positions };
        return model.NegativeLogLikelihood(input, tensor(places), tensor(targets)) / Number(targets.Count);
    }
}
#endif
