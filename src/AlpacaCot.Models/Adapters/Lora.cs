using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA (Hu et al., 2021): the frozen weight W of a linear layer gets a trained addition B·A of low rank,
/// <c>y = x Wᵀ + s · dropout(x) Aᵀ Bᵀ</c> with s = alpha / r, or alpha / √r for rsLoRA (Kalajdzievski, 2023).
/// A starts uniform in ±1/√inputs, B at zero, so that training starts from the base model. On an embedding, A is looked up.
/// </summary>
public sealed class Lora : IAdapterMethod
{
    /// <summary>The target that means every linear layer but the head.</summary>
    public const string AllLinear = Targets.AllLinear;

    /// <inheritdoc/>
    public string PeftType => "LORA";

    /// <summary>Attaches a fresh adapter to the layers that the configuration names.</summary>
    /// <exception cref="InputException">A target names no linear layer of the model.</exception>
    public static Adapter Attach(CausalModel model, LoraConfig config, int seed) => AdapterMethods.Attach(model, config, seed);

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => LoraConfig.Read(fields);

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var lora = (LoraConfig)config;
        var embeddings = parts.Model.Embeddings.Values
            .Where(e => lora.TargetPattern != AllLinear && lora.Targets.Names(e.Name)).ToList();
        var layers = embeddings.Count > 0
            ? [.. parts.Model.Linears.Values.Where(l => lora.Targets.Names(l.Name, l == parts.Model.Head))]
            : lora.Targets.Linears(parts.Model);
        if (lora.Loftq is not null) parts.SaveAs(Loftq.On(layers, lora, parts));
        if (lora.Start != "default") StartedLora.Attach(lora, layers, parts);
        else
            foreach (var layer in layers)
            {
                var addition = lora.Loftq is not null && layer.IsQuantized
                    ? Loftq.Pair(lora, layer, parts) : Pair(lora, layer, parts);
                parts.On(layer,
                    lora.UseDora ? Dora.On(layer, addition, lora.Dropout, parts) : new LowRankPiece(addition, lora.Dropout));
            }
        foreach (var table in embeddings) OnEmbedding(lora, table, parts);
        Biases.Train(lora.Bias, [.. layers.Select(l => l.Name)], parts);
        if (lora.PlusRatio != 1) parts.Training = new()
        {
            RateFactor = name => name.Contains("lora_B", StringComparison.Ordinal) ? lora.PlusRatio : 1,
        };
    }

    private static LowRank Pair(LoraConfig config, Linear layer, AdapterParts parts)
    {
        var (name, rank) = (layer.Name, config.RankOf(layer.Name));
        return new LowRank(
            parts.Train($"{name}.lora_A.weight", [rank, layer.Inputs],
                () => parts.Weights.Uniform(name, [rank, layer.Inputs], 1 / Math.Sqrt(layer.Inputs))),
            parts.Train($"{name}.lora_B.weight", [layer.Outputs, rank], () => parts.Zeros(layer.Outputs, rank)),
            config.ScaleOf(name))
        {
            Bias = config.HasBias ? parts.Train($"{name}.lora_B.bias", [layer.Outputs], () => parts.Zeros(layer.Outputs)) : null,
        };
    }

    // A starts at zero here and B normal, the other way round: what is looked up must be able to differ by token.
    private static void OnEmbedding(LoraConfig config, Embedding table, AdapterParts parts)
    {
        var (name, rank, tokens, width) = (table.Name, config.RankOf(table.Name), table.Weight.shape[0], table.Weight.shape[1]);
        parts.On(table, new EmbeddingPiece(
            parts.Train($"{name}.lora_embedding_A", [rank, tokens], () => parts.Zeros(rank, tokens)),
            parts.Train($"{name}.lora_embedding_B", [width, rank], () => parts.Weights.Normal(name, [width, rank], 1)),
            config.ScaleOf(name)));
        // PEFT saves the base's table along, for the case that tokens were added to it.
        if (parts.Weights.Contains($"{name}.base_layer.weight"))
            parts.Replace($"{name}.weight", own => parts.Keep($"{name}.base_layer.weight", own.shape, own.alias));
    }

    private sealed class EmbeddingPiece(Tensor a, Tensor b, double scale) : IEmbeddingAdapter
    {
        public Tensor Added(Tensor ids) => a.index_select(1, ids).t().matmul(b.t()) * Number(scale); // [n, width]

        public Tensor Merged(Embedding layer) => layer.Weight.to(ScalarType.Float32).Plus(b.matmul(a).t() * Number(scale));
    }
}

/// <summary>A low-rank addition on a linear layer.</summary>
internal sealed class LowRankPiece(LowRank addition, double dropout) : ILinearAdapter
{
    public Tensor Forward(Linear layer, Tensor x, Pass pass) =>
        layer.Biased(addition.Biased(layer.Product(x, pass.Mode, addition, Dropout.Of(x, dropout, pass.Mode))));

    public (Tensor Weight, Tensor? Bias) Merged(Linear layer)
    {
        if (addition.Bias is not null && layer.Bias is null)
            throw new InputException(
                $"{layer.Name} has no bias that B's own could be added to, so this adapter (lora_bias) cannot be merged.");
        return (layer.Values().add_(addition.B.matmul(addition.A), alpha: Number(addition.Scale)), layer.Bias is null
            ? null : addition.Biased(layer.Bias));
    }
}

/// <summary>Dropout of what a trained part reads, in training only.</summary>
internal static class Dropout
{
    public static Tensor? Of(Tensor x, double share, PassMode mode) =>
        share > 0 && mode == PassMode.Training ? nn.functional.dropout(x, share, training: true) : null;
}

/// <summary>Biases of the base that are trained along, as PEFT's field <c>bias</c> says.</summary>
internal static class Biases
{
    /// <param name="which"><c>none</c>, <c>all</c>, or <c>.._only</c>: those of the layers with an adapter.</param>
    /// <param name="layers">The layers with an adapter, whose biases PEFT saves under a name of their own.</param>
    /// <param name="parts">Where they go.</param>
    public static void Train(string which, HashSet<string> layers, AdapterParts parts)
    {
        if (which == "none") return;
        foreach (var place in parts.Model.Places.Keys.Where(n => n.EndsWith(".bias", StringComparison.Ordinal)))
        {
            var module = place[..^".bias".Length];
            if (layers.Contains(module))
                parts.TrainOwn(place, parts.Weights.Contains(place) ? place : $"{module}.base_layer.bias"); // before 0.7 without
            else if (which == "all") parts.TrainOwn(place);
        }
    }
}
