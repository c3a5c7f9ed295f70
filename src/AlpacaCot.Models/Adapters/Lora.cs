using System.Text.Json;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// LoRA (Hu et al., 2021): the frozen weight W of a linear layer gets a trained low-rank update B·A, <c>y = x Wᵀ + s · dropout(x)
/// Aᵀ Bᵀ</c> with s = alpha / r, or alpha / √r for rsLoRA (Kalajdzievski, 2023). A is initialized uniformly in ±1/√inputs and B
/// to zero, so that training starts from the base model. On an embedding, A is a lookup table.
/// </summary>
public static class Lora
{
    /// <summary>The target value for every linear layer except the head.</summary>
    public const string AllLinear = Targets.AllLinear;

    // Fields of saved configurations that change the computation in unsupported ways when set.
    private static readonly HashSet<string> Unsupported =
    [
        "use_qalora", "use_bdlora", "layer_replication", "target_parameters", "alora_invocation_tokens", "arrow_config",
        "monteclora_config", "velora_config", "ensure_weight_tying",
    ];

    // Initializations that leave the base weights unchanged; all others require a modified base.
    private static readonly HashSet<string> HarmlessStarts = ["gaussian", "orthogonal", "eva"];

    /// <summary>LoRA and its variants: rsLoRA, LoRA+, DoRA, PiSSA, OLoRA, LoftQ.</summary>
    public static AdapterMethod<LoraConfig> Method { get; } = new("LORA")
    {
        Presets =
        [
            new("lora", new() { Alpha = 16 }),
            new("rslora", new() { Alpha = 16, UseRsLora = true }),
            new("lora_plus", new() { Alpha = 16, PlusRatio = 16 }),
            new("dora", new() { Alpha = 16, UseDora = true }),
            new("pissa", new() { Alpha = 16, Start = LoraStart.Pissa }),
            new("olora", new() { Alpha = 16, Start = LoraStart.Olora }),
            new("loftq", new() { Alpha = 16, Loftq = new LoftqConfig() }) { Keys = [Loftq.Iterations] },
        ],
        Settings =
        [
            SharedSettings.Rank<LoraConfig>(),
            SharedSettings.Alpha<LoraConfig>("lora_alpha"),
            Setting<LoraConfig>.Probability("dropout", "lora_dropout", "share of the adapter's inputs dropped in training",
                c => c.Dropout, (c, v) => c with { Dropout = v }),
            SharedSettings.Targets<LoraConfig>(),
            SharedSettings.Layers<LoraConfig>(),
            SharedSettings.Modules<LoraConfig>(),
            TrainableTokens.Field,
            SharedSettings.RankPattern<LoraConfig>(),
            SharedSettings.AlphaPattern<LoraConfig>(),
            SharedSettings.Bias<LoraConfig>("lora_only", c => c.Bias, (c, v) => c with { Bias = v }),
            new(Key<LoraConfig>.Flag("use_rslora", "scale by alpha / sqrt(rank) instead",
                c => c.UseRsLora, (c, v) => c with { UseRsLora = v }) with { Omitted = "false" },
                PeftField<LoraConfig>.Flag("use_rslora", c => c.UseRsLora, (c, v) => c with { UseRsLora = v })),
            Key<LoraConfig>.Number("lora_plus_ratio", "a number from 1", v => v >= 1, "learning rate of B relative to that of A",
                c => c.PlusRatio, (c, v) => c with { PlusRatio = v }),
            PeftField<LoraConfig>.Flag("use_dora", c => c.UseDora, (c, v) => c with { UseDora = v }),
            PeftField<LoraConfig>.Flag("lora_bias", c => c.HasBias, (c, v) => c with { HasBias = v }),
            PeftField<LoraConfig>.Flag("fan_in_fan_out", c => c.FanInFanOut, (c, v) => c with { FanInFanOut = v }),
            PeftField<LoraConfig>.Constant("init_lora_weights", true),
            Loftq.Field,
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
        Unsupported = Unsupported,
        CheckFields = CheckFields,
    };

    /// <summary>Attaches a newly initialized adapter to the target layers.</summary>
    /// <exception cref="InputException">No linear layer of the model matches a target.</exception>
    public static Adapter Attach(CausalModel model, LoraConfig config, int seed) => AdapterMethods.Attach(model, config, seed);

    private static void CheckFields(PeftFields fields)
    {
        if (fields.Left.TryGetValue("init_lora_weights", out var start) && start.ValueKind == JsonValueKind.String
            && !HarmlessStarts.Contains(start.GetString()!))
            throw fields.Fault($"init_lora_weights is {start.GetRawText()}, which modified the base model's " +
                "weights before training. Convert it to a plain LoRA adapter with the tool that created it.");
    }

    private static void Attach(LoraConfig lora, AdapterBuilder builder)
    {
        var embeddings = builder.Model.Embeddings.Values
            .Where(e => lora.TargetPattern != AllLinear && lora.Targets.Names(e.Name)).ToList();
        var layers = embeddings.Count > 0
            ? [.. builder.Model.Linears.Values.Where(l => lora.Targets.Names(l.Name, l == builder.Model.Head))]
            : lora.Targets.Linears(builder.Model);
        if (lora.Loftq is not null) builder.SaveAs(Loftq.On(layers, lora, builder));
        if (lora.Start != LoraStart.Default) InitializedLora.Attach(lora, layers, builder);
        else
            foreach (var layer in layers)
            {
                var addition = lora.Loftq is not null && layer.IsQuantized
                    ? Loftq.Pair(lora, layer, builder) : Pair(lora, layer, builder);
                builder.Adapt(layer,
                    lora.UseDora ? Dora.On(layer, addition, lora.Dropout, builder) : new LowRankLinear(addition, lora.Dropout));
            }
        foreach (var table in embeddings) OnEmbedding(lora, table, builder);
        TrainableTokens.Attach(lora, builder);
        Biases.Train(lora.Bias, [.. layers.Select(l => l.Name)], builder);
        if (lora.PlusRatio is { } ratio) builder.Training = new()
        {
            RateFactor = name => name.Contains("lora_B", StringComparison.Ordinal) ? ratio : 1,
        };
    }

    private static LowRank Pair(LoraConfig config, Linear layer, AdapterBuilder builder)
    {
        var (name, rank) = (layer.Name, config.RankOf(layer.Name));
        return new LowRank(
            builder.Train($"{name}.lora_A.weight", [rank, layer.Inputs],
                () => builder.Weights.Uniform(name, [rank, layer.Inputs], 1 / Math.Sqrt(layer.Inputs))),
            builder.Train($"{name}.lora_B.weight", [layer.Outputs, rank], () => builder.Zeros(layer.Outputs, rank)),
            config.ScaleOf(name))
        {
            Bias = config.HasBias
                ? builder.Train($"{name}.lora_B.bias", [layer.Outputs], () => builder.Zeros(layer.Outputs)) : null,
        };
    }

    // Unlike on a linear layer, A is initialized to zero and B from a normal distribution, as in PEFT.
    private static void OnEmbedding(LoraConfig config, Embedding table, AdapterBuilder builder)
    {
        var (name, rank, tokens, width) = (table.Name, config.RankOf(table.Name), table.Weight.shape[0], table.Weight.shape[1]);
        builder.Adapt(table, new AdaptedEmbedding(
            builder.Train($"{name}.lora_embedding_A", [rank, tokens], () => builder.Zeros(rank, tokens)),
            builder.Train($"{name}.lora_embedding_B", [width, rank], () => builder.Weights.Normal(name, [width, rank], 1)),
            config.ScaleOf(name)));
    }

    private sealed class AdaptedEmbedding(Tensor a, Tensor b, double scale) : IEmbeddingAdapter
    {
        public Tensor Adapted(Tensor rows, Tensor ids) =>
            rows.Plus(a.index_select(1, ids).t().matmul(b.t()) * Number(scale)); // [n, width]

        public Tensor Merged(Embedding layer) => layer.Weight.to(ScalarType.Float32).Plus(b.matmul(a).t() * Number(scale));
    }
}

/// <summary>Training of base-model biases together with an adapter.</summary>
internal static class Biases
{
    /// <param name="which">The biases to train.</param>
    /// <param name="layers">The adapted layers, whose biases PEFT saves under a different name.</param>
    /// <param name="builder">The adapter under construction.</param>
    public static void Train(BiasTraining which, HashSet<string> layers, AdapterBuilder builder)
    {
        if (which == BiasTraining.None) return;
        foreach (var slot in builder.Model.Slots.Keys.Where(n => n.EndsWith(".bias", StringComparison.Ordinal)))
        {
            var module = slot[..^".bias".Length];
            if (layers.Contains(module)) // PEFT before 0.7 saves the bias without base_layer
                builder.TrainInPlace(slot, builder.Weights.Contains(slot) ? slot : $"{module}.base_layer.bias");
            else if (which == BiasTraining.All) builder.TrainInPlace(slot);
        }
    }
}
