using System.Collections.ObjectModel;
using System.Text.Json;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of AdaLoRA: recipe keys and <c>adapter_config.json</c> fields.</summary>
public sealed record AdaLoraConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => AdaLora.Method;

    /// <summary><c>init_r</c>: the initial rank of every layer.</summary>
    public int StartRank { get; init; } = 12;

    /// <summary><c>target_r</c>: the mean rank per layer after the last cut.</summary>
    public int TargetRank { get; init; } = 8;

    /// <summary><c>lora_alpha</c>: the update is scaled by alpha / init_r.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>lora_dropout</c>: dropout probability on the adapter's input, in training only.</summary>
    public double Dropout { get; init; }

    /// <summary><c>tinit</c>: steps before the first cut; null: a tenth of the run.</summary>
    public int? WarmupSteps { get; init; }

    /// <summary><c>tfinal</c>: steps after the last cut; null: a fifth of the run.</summary>
    public int? FinalSteps { get; init; }

    /// <summary><c>deltaT</c>: steps between cuts.</summary>
    public int Interval { get; init; } = 1;

    /// <summary><c>total_step</c>: optimizer steps of the run; null: the length of the actual run.</summary>
    public int? TotalSteps { get; init; }

    /// <summary><c>beta1</c>: decay of the moving average of importance.</summary>
    public double Beta1 { get; init; } = 0.85;

    /// <summary><c>beta2</c>: decay of the moving average of the uncertainty of importance.</summary>
    public double Beta2 { get; init; } = 0.85;

    /// <summary><c>orth_reg_weight</c>: weight of the orthogonality penalty on A and B in the loss.</summary>
    public double Orthogonality { get; init; } = 0.5;

    /// <summary><c>rank_pattern</c>: per layer, a mask of the singular values kept; keys are <c>LAYER.lora_E</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<bool>> Kept { get; init; } =
        ReadOnlyDictionary<string, IReadOnlyList<bool>>.Empty;

    /// <summary><c>bias</c>: base-model biases that are trained with the adapter.</summary>
    public BiasTraining Bias { get; init; }
}

/// <summary>
/// AdaLoRA (Zhang et al., 2023): <c>ΔW = alpha / r · B diag(E) A</c>. Training estimates the importance of every singular value
/// and sets the least important ones of the whole model to zero. The rank budget decreases along a cubic schedule from init_r to
/// target_r per layer.
/// </summary>
public static class AdaLora
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<AdaLoraConfig> Method { get; } = new("ADALORA")
    {
        Presets = [new("adalora", new() { Alpha = 16 })],
        Settings =
        [
            Setting<AdaLoraConfig>.Whole("rank", "init_r", 1, "rank of the update",
                c => c.StartRank, (c, v) => c with { StartRank = v }),
            Setting<AdaLoraConfig>.Positive("alpha", "lora_alpha", "the update is scaled by alpha / rank",
                c => c.Alpha, (c, v) => c with { Alpha = v }),
            Setting<AdaLoraConfig>.Probability("dropout", "lora_dropout", "share of the adapter's inputs dropped in training",
                c => c.Dropout, (c, v) => c with { Dropout = v }),
            SharedSettings.Targets<AdaLoraConfig>(),
            SharedSettings.Layers<AdaLoraConfig>(),
            SharedSettings.Modules<AdaLoraConfig>(),
            SharedSettings.Bias<AdaLoraConfig>("lora_only", c => c.Bias, (c, v) => c with { Bias = v }),
            Setting<AdaLoraConfig>.Whole("target_rank", "target_r", 1, "mean rank at the end of AdaLoRA",
                c => c.TargetRank, (c, v) => c with { TargetRank = v }),
            new(Key<AdaLoraConfig>.Whole("warmup_steps", 0, "steps before AdaLoRA's first cut; without it a tenth of all",
                    c => c.WarmupSteps, (c, v) => c with { WarmupSteps = v }),
                PeftField<AdaLoraConfig>.Whole("tinit", 0, c => c.WarmupSteps ?? 0, (c, v) => c with { WarmupSteps = v })),
            new(Key<AdaLoraConfig>.Whole("final_steps", 0, "steps after AdaLoRA's last cut; without it a fifth of all",
                    c => c.FinalSteps, (c, v) => c with { FinalSteps = v }),
                PeftField<AdaLoraConfig>.Whole("tfinal", 0, c => c.FinalSteps ?? 0, (c, v) => c with { FinalSteps = v })),
            Setting<AdaLoraConfig>.Whole("interval", "deltaT", 1, "steps between AdaLoRA's cuts",
                c => c.Interval, (c, v) => c with { Interval = v }),
            PeftField<AdaLoraConfig>.Whole("total_step", 1, c => c.TotalSteps, (c, v) => c with { TotalSteps = v }),
            PeftField<AdaLoraConfig>.Number("beta1", 0, 1, c => c.Beta1, (c, v) => c with { Beta1 = v }),
            PeftField<AdaLoraConfig>.Number("beta2", 0, 1, c => c.Beta2, (c, v) => c with { Beta2 = v }),
            PeftField<AdaLoraConfig>.Number("orth_reg_weight", 0, double.MaxValue,
                c => c.Orthogonality, (c, v) => c with { Orthogonality = v }),
            PeftField<AdaLoraConfig>.Constant("init_lora_weights", true),
            new PeftField<AdaLoraConfig>(ReadKept, (config, fields) => fields["rank_pattern"] = config.Kept.Count == 0 ? null
                : PeftFields.Map(config.Kept, kept => PeftFields.List(kept)!)),
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
        Absent = new() { WarmupSteps = 0, FinalSteps = 0 },
        Check = c => c.TargetRank <= c.StartRank ? null
            : ("target_rank", $"found {c.TargetRank}, but AdaLoRA cuts ranks and starts with {c.StartRank}"),
    };

    private static AdaLoraConfig ReadKept(AdaLoraConfig config, PeftFields fields) => config with
    {
        Kept = fields.Map("rank_pattern", value => (IReadOnlyList<bool>)(value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.True)]
            : throw fields.Fault("rank_pattern: a list of true and false is needed for each layer."))),
    };

    private static void Attach(AdaLoraConfig config, AdapterBuilder builder)
    {
        var layers = config.Targets.Linears(builder.Model);
        var triplets = layers.Select(layer => Triplet(config, layer, builder)).ToList();
        Biases.Train(config.Bias, [.. layers.Select(l => l.Name)], builder);
        if (builder.Weights.AreShapes) return;
        var allocator = new RankAllocator(config, triplets);
        if (builder.Weights.AreSaved)
        {
            builder.Training = new() { Penalty = allocator.Penalty, State = allocator.State }; // ranks are final
            return;
        }
        builder.Training = new()
        {
            Begin = allocator.Begin, Penalty = allocator.Penalty, Step = allocator.Step, State = allocator.State,
        };
        builder.Saved = new SavedForm(() => allocator.Config, () => allocator.Saved().Concat(builder.Trained
            .Where(t => !t.Key.Contains(".lora_", StringComparison.Ordinal)).Select(t => (t.Key, t.Value))));
    }

    private static Triplet Triplet(AdaLoraConfig config, Linear layer, AdapterBuilder builder)
    {
        var (name, rank) = (layer.Name, config.Kept.TryGetValue($"{layer.Name}.lora_E", out var kept)
            ? kept.Count(k => k) : config.StartRank);
        var triplet = new Triplet(name,
            builder.Train($"{name}.lora_A", [rank, layer.Inputs],
                () => builder.Weights.Normal($"{name}.A", [rank, layer.Inputs], 0.02)),
            builder.Train($"{name}.lora_E", [rank, 1], () => builder.Zeros(rank, 1)),
            builder.Train($"{name}.lora_B", [layer.Outputs, rank],
                () => builder.Weights.Normal($"{name}.B", [layer.Outputs, rank], 0.02)),
            config.Alpha / (config.StartRank + 1e-5)); // as PEFT computes it
        builder.Adapt(layer, new AdaptedLinear(triplet, config.Dropout));
        return triplet;
    }

    private sealed class AdaptedLinear(Triplet triplet, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) =>
            layer.Biased(layer.Product(x, pass.Mode, Addition, Dropout.Of(x, dropout, pass.Mode)));

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (layer.Values().add_(Addition.B.matmul(Addition.A), alpha: Number(Addition.Scale)), layer.Bias);

        private LowRank Addition => new(triplet.A * triplet.E, triplet.B, triplet.Scale);
    }
}

/// <summary>The update of one layer: <c>B [outputs, r], E [r, 1], A [r, inputs]</c>.</summary>
internal sealed record Triplet(string Name, Tensor A, Tensor E, Tensor B, double Scale);
