using AlpacaCot.Data;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA (Hu et al., 2021): the frozen weight W of a linear layer gets a trained addition B·A of low rank,
/// <c>y = x Wᵀ + s · dropout(x) Aᵀ Bᵀ</c> with s = alpha / r, or alpha / √r for rsLoRA (Kalajdzievski, 2023).
/// A starts uniform in ±1/√inputs, B at zero, so that training starts from the base model.
/// </summary>
public sealed class Lora : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "LORA";

    /// <summary>Attaches a fresh adapter to the layers that the configuration names.</summary>
    /// <exception cref="InputException">A target names no linear layer of the model.</exception>
    public static IAdapter Attach(CausalModel model, LoraConfig config, int seed)
    {
        var layers = Targets(model, config);
        return new Attached(config, layers.ToDictionary(l => l.Name, l => new Pair(config,
            RandomWeights.Uniform($"{l.Name}.lora_A", seed, [config.Rank, l.Weight.shape[1]], 1 / Math.Sqrt(l.Weight.shape[1])),
            zeros([l.Weight.shape[0], config.Rank], ScalarType.Float32))), model);
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
            if (a.shape[1] != layer.Weight.shape[1] || b.shape[0] != layer.Weight.shape[0] || a.shape[0] != b.shape[1])
                throw new InputException($"The adapter in {folder} is for another model: {layer.Name} is " +
                    $"[{string.Join(", ", layer.Weight.shape)}] here, the adapter's B is [{string.Join(", ", b.shape)}] and A [{string.Join(", ", a.shape)}].");
            pairs.Add(layer.Name, new Pair(config, a.to(ScalarType.Float32, copy: true), b.to(ScalarType.Float32, copy: true)));
        }
        var unused = tensors.Keys.FirstOrDefault(name => !pairs.ContainsKey(name.Split(".lora_")[0]));
        if (unused is not null)
            throw new InputException($"The adapter in {folder} has weights for {unused}, which this model does not have or its targets do not name.");
        foreach (var tensor in tensors.Values) tensor.Dispose();
        return new Attached(config, pairs, model);
    }

    private static List<Linear> Targets(CausalModel model, LoraConfig config)
    {
        // "all-linear" leaves the head alone, as PEFT does.
        var layers = model.Linears.Values.Where(l => l != model.Head || config.Names(l.Name, exactly: true)).Where(l => config.Targets(l.Name)).ToList();
        if (layers.Count > 0) return layers;
        var kinds = model.Linears.Keys.Select(n => n.Split('.')[^1]).Distinct();
        throw new InputException($"adapter targets [{string.Join(", ", config.TargetModules)}] name no linear layer of this model; " +
            $"it has {string.Join(", ", kinds)}, or all of them by all-linear.");
    }

    private sealed class Pair : ILinearAdapter, IDisposable
    {
        private readonly double scale, dropout;

        public Pair(LoraConfig config, Tensor a, Tensor b)
        {
            scale = config.Alpha / (config.UseRsLora ? Math.Sqrt(config.Rank) : config.Rank);
            dropout = config.Dropout;
            (A, B) = (a.DetachFromDisposeScope(), b.DetachFromDisposeScope());
            A.requires_grad_(true);
            B.requires_grad_(true);
        }

        /// <summary><c>[rank, inputs]</c></summary>
        public Tensor A { get; }

        /// <summary><c>[outputs, rank]</c></summary>
        public Tensor B { get; }

        public Tensor Apply(Tensor input, Tensor output)
        {
            // Dropout belongs to training, and training is where gradients are recorded.
            var x = dropout > 0 && is_grad_enabled() ? nn.functional.dropout(input, dropout, training: true) : input;
            var low = nn.functional.linear(x, A); // [.., rank]
            return output.add(nn.functional.linear(low, B), alpha: scale);
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
