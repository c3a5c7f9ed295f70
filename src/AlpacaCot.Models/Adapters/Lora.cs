using System.Text.RegularExpressions;
using AlpacaCot.Data;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA (Hu et al., 2021): the frozen weight W of a linear layer gets a trained addition B·A of low rank,
/// <c>y = x Wᵀ + s · dropout(x) Aᵀ Bᵀ</c> with s = alpha / r, or alpha / √r for rsLoRA (Kalajdzievski, 2023).
/// A starts uniform in ±1/√inputs, B at zero, so that training starts from the base model.
/// </summary>
public sealed partial class Lora : IAdapterMethod
{
    /// <summary>The target that means every linear layer but the head.</summary>
    public const string AllLinear = "all-linear";

    /// <inheritdoc/>
    public string PeftType => "LORA";

    /// <summary>Attaches a fresh adapter to the layers that the configuration names.</summary>
    /// <exception cref="InputException">A target names no linear layer of the model.</exception>
    public static IAdapter Attach(CausalModel model, LoraConfig config, int seed)
    {
        return new Attached(config, Targets(model, config).ToDictionary(l => l.Name, l => FreshPair(l, config, seed)), model);
    }

    /// <inheritdoc/>
    public IAdapter Load(CausalModel model, string folder)
    {
        var (config, tensors) = AdapterFolder.Read(folder);
        var pairs = new Dictionary<string, Pair>();
        foreach (var layer in Targets(model, config))
        {
            if (!tensors.TryGetValue($"{layer.Name}.lora_A.weight", out var a) || !tensors.TryGetValue($"{layer.Name}.lora_B.weight", out var b))
                throw new InputException($"The adapter in {folder} has no weights for {layer.Name}: it was made for another model.");
            if (a.shape[1] != layer.Inputs || b.shape[0] != layer.Outputs || a.shape[0] != b.shape[1])
                throw new InputException($"The adapter in {folder} is for another model: {layer.Name} is " +
                    $"[{layer.Outputs}, {layer.Inputs}] here, the adapter's B is [{string.Join(", ", b.shape)}] and A [{string.Join(", ", a.shape)}].");
            pairs.Add(layer.Name, new Pair(config, layer.Name, a.to(ScalarType.Float32, copy: true), b.to(ScalarType.Float32, copy: true)));
        }
        var unused = tensors.Keys.FirstOrDefault(name => !pairs.ContainsKey(name.Split(".lora_")[0]));
        if (unused is not null)
            throw new InputException($"The adapter in {folder} has weights for {unused}, which this model does not have or its targets do not name.");
        foreach (var tensor in tensors.Values) tensor.Dispose();
        return new Attached(config, pairs, model);
    }

    private static Pair FreshPair(Linear layer, LoraConfig config, int seed)
    {
        var (outputs, inputs, rank) = (layer.Outputs, layer.Inputs, Rank(config, layer.Name));
        var random = new DeterministicRandom(seed).Fork(layer.Name); // independent of the order of layers
        var a = new float[rank * inputs];
        for (var i = 0; i < a.Length; i++) a[i] = (float)((2 * random.NextDouble() - 1) / Math.Sqrt(inputs));
        return new Pair(config, layer.Name, tensor(a, [rank, inputs]), zeros([outputs, rank], ScalarType.Float32));
    }

    private static List<Linear> Targets(CausalModel model, LoraConfig config)
    {
        if (config.Bias != "none" || config.ModulesToSave.Count > 0)
            throw new InputException("LoRA with bias or modules_to_save is not supported.");
        var layers = model.Linears.Values.Where(layer => Names(config, layer.Name, isHead: layer == model.Head)).ToList();
        if (layers.Count > 0) return layers;
        var kinds = model.Linears.Keys.Select(name => name.Split('.')[^1]).Distinct();
        throw new InputException($"The adapter's targets {config.TargetPattern ?? string.Join(", ", config.TargetModules)} name no linear layer " +
            $"of this model. It has {string.Join(", ", kinds)}; all-linear means all but the head.");
    }

    private static bool Names(LoraConfig config, string layer, bool isHead)
    {
        if (config.LayersToTransform is { } indices &&
            (LayerIndex().Match(layer) is not { Success: true } match || !indices.Contains(int.Parse(match.Groups[1].ValueSpan)))) return false;
        if (config.TargetPattern == AllLinear) return !isHead;
        if (config.TargetPattern is { } pattern) return Regex.IsMatch(layer, $"^(?:{pattern})$");
        return config.TargetModules.Any(target => layer == target || layer.EndsWith("." + target, StringComparison.Ordinal));
    }

    private static int Rank(LoraConfig config, string layer) => Pattern(config.RankPattern, layer, config.Rank);

    // A key of a pattern is a regular expression for the end of the layer's name.
    private static T Pattern<T>(IReadOnlyDictionary<string, T> patterns, string layer, T otherwise)
    {
        foreach (var (key, value) in patterns)
            if (Regex.IsMatch(layer, $@"^(?:.*\.)?(?:{key})$")) return value;
        return otherwise;
    }

    [GeneratedRegex(@"\.(\d+)\.")]
    private static partial Regex LayerIndex();

    private sealed class Pair : ILinearAdapter, IDisposable
    {
        private readonly double scale, dropout;

        public Pair(LoraConfig config, string layer, Tensor a, Tensor b)
        {
            var rank = a.shape[0];
            scale = Pattern(config.AlphaPattern, layer, config.Alpha) / (config.UseRsLora ? Math.Sqrt(rank) : rank);
            dropout = config.Dropout;
            (A, B) = (a.DetachFromDisposeScope(), b.DetachFromDisposeScope());
            A.requires_grad = true;
            B.requires_grad = true;
        }

        /// <summary><c>[rank, inputs]</c></summary>
        public Tensor A { get; }

        /// <summary><c>[outputs, rank]</c></summary>
        public Tensor B { get; }

        public Tensor Forward(Linear layer, Tensor x)
        {
            // Dropout belongs to training, and training is where gradients are recorded.
            var dropped = dropout > 0 && is_grad_enabled() ? nn.functional.dropout(x, dropout, training: true) : null;
            return FrozenLinear.Apply(x, layer.Matrix, new LowRank(A, B, scale), dropped);
        }

        public Tensor Merged(Linear layer)
        {
            using var scope = NewDisposeScope();
            return (layer.Matrix.Expand() + B.matmul(A) * scale).MoveToOuterDisposeScope();
        }

        public void Dispose()
        {
            A.Dispose();
            B.Dispose();
        }
    }

    private sealed class Attached : IAdapter
    {
        private readonly LoraConfig config;
        private readonly Dictionary<string, Pair> pairs;
        private readonly CausalModel model;

        public Attached(LoraConfig config, Dictionary<string, Pair> pairs, CausalModel model)
        {
            (this.config, this.pairs, this.model) = (config, pairs, model);
            foreach (var (name, pair) in pairs) model.Linears[name].Adapter = pair;
            Parameters = pairs.SelectMany(p => new[]
            {
                KeyValuePair.Create($"{p.Key}.lora_A.weight", p.Value.A), KeyValuePair.Create($"{p.Key}.lora_B.weight", p.Value.B),
            }).ToDictionary();
        }

        public IReadOnlyDictionary<string, Tensor> Parameters { get; }

        public void Save(string folder) => AdapterFolder.Write(folder, config, [.. Parameters.Select(p => (p.Key, p.Value))]);

        public void Restore(string folder)
        {
            var (_, saved) = AdapterFolder.Read(folder);
            foreach (var (name, tensor) in saved)
                using (tensor) Parameters[name].copy_(tensor);
        }

        public void Dispose()
        {
            foreach (var (name, pair) in pairs)
            {
                model.Linears[name].Adapter = null;
                pair.Dispose();
            }
        }
    }
}
