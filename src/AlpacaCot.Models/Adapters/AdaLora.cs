using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's AdaLoRA configurations say.</summary>
public sealed record AdaLoraConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "ADALORA";

    /// <summary><c>init_r</c>: the rank every layer starts with.</summary>
    public int StartRank { get; init; } = 12;

    /// <summary><c>target_r</c>: the mean rank at the end.</summary>
    public int TargetRank { get; init; } = 8;

    /// <summary><c>lora_alpha</c>: the update is scaled by alpha / init_r.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>lora_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary><c>tinit</c>: steps before the first cut; null: a tenth of the run.</summary>
    public int? WarmupSteps { get; init; }

    /// <summary><c>tfinal</c>: steps after the last cut; null: a fifth of the run.</summary>
    public int? FinalSteps { get; init; }

    /// <summary><c>deltaT</c>: steps between cuts.</summary>
    public int Interval { get; init; } = 1;

    /// <summary><c>total_step</c>: steps of the run; null: as many as the run has.</summary>
    public int? TotalSteps { get; init; }

    /// <summary><c>beta1</c>: decay of the mean of importance.</summary>
    public double Beta1 { get; init; } = 0.85;

    /// <summary><c>beta2</c>: decay of the mean of its uncertainty.</summary>
    public double Beta2 { get; init; } = 0.85;

    /// <summary><c>orth_reg_weight</c>: how much the loss asks of A and B to be orthogonal.</summary>
    public double Orthogonality { get; init; } = 0.5;

    /// <summary><c>rank_pattern</c>: which singular values of each layer were kept, by <c>LAYER.lora_E</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<bool>> Kept { get; init; } = new Dictionary<string, IReadOnlyList<bool>>();

    /// <summary><c>bias</c>: which biases of the base are trained too.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>The layers that get an update.</summary>
    public Targets Targets { get; init; } = new();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        (fields["beta1"], fields["beta2"], fields["bias"], fields["deltaT"]) = (Beta1, Beta2, Bias, Interval);
        (fields["init_lora_weights"], fields["init_r"], fields["target_r"]) = (true, StartRank, TargetRank);
        (fields["lora_alpha"], fields["lora_dropout"]) = (PeftFields.Number(Alpha), Dropout);
        (fields["orth_reg_weight"], fields["tfinal"], fields["tinit"]) = (Orthogonality, FinalSteps ?? 0, WarmupSteps ?? 0);
        fields["total_step"] = TotalSteps;
        fields["rank_pattern"] = Kept.Count == 0 ? null : PeftFields.Map(Kept, kept => PeftFields.List(kept)!);
        Targets.Write(fields);
    }
}

/// <summary>
/// AdaLoRA (Zhang et al., 2023): <c>ΔW = alpha / r · B diag(E) A</c>, where training measures how much each singular value
/// matters to the loss and sets the least important of the whole model to zero, along a cubic budget from init_r to target_r a
/// layer.
/// </summary>
public sealed class AdaLora : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "ADALORA";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new AdaLoraConfig
    {
        StartRank = fields.Whole("init_r", 1) ?? 12, TargetRank = fields.Whole("target_r", 1) ?? 8,
        Alpha = fields.Real("lora_alpha", 0, double.MaxValue) ?? 8, Dropout = fields.Real("lora_dropout", 0, 1) ?? 0,
        WarmupSteps = fields.Whole("tinit", 0) ?? 0, FinalSteps = fields.Whole("tfinal", 0) ?? 0,
        Interval = fields.Whole("deltaT", 1) ?? 1, TotalSteps = fields.Whole("total_step", 1),
        Beta1 = fields.Real("beta1", 0, 1) ?? 0.85, Beta2 = fields.Real("beta2", 0, 1) ?? 0.85,
        Orthogonality = fields.Real("orth_reg_weight", 0, double.MaxValue) ?? 0.5,
        Bias = fields.Choice("bias", "none", "all", "lora_only"), Targets = Targets.Read(fields),
        Kept = fields.Map("rank_pattern", value => (IReadOnlyList<bool>)(value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(v => v.ValueKind == JsonValueKind.True)]
            : throw fields.Fault("rank_pattern: a list of true and false is needed for each layer."))),
    };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (AdaLoraConfig)config;
        var layers = own.Targets.Linears(parts.Model);
        var triplets = layers.Select(layer => Triplet(own, layer, parts)).ToList();
        Biases.Train(own.Bias, [.. layers.Select(l => l.Name)], parts);
        if (parts.Weights.AreShapes) return;
        var budget = new RankBudget(own, triplets);
        if (parts.Weights.AreSaved)
        {
            parts.Training = new() { Penalty = budget.Penalty, State = budget.State }; // its ranks are settled
            return;
        }
        parts.Training = new()
        {
            Begin = budget.Begin, Penalty = budget.Penalty, Step = budget.Step, State = budget.State,
        };
        parts.Saved = new SavedForm(() => budget.Config, () => budget.Saved().Concat(parts.Trained
            .Where(t => !t.Key.Contains(".lora_", StringComparison.Ordinal)).Select(t => (t.Key, t.Value))));
    }

    private static Triplet Triplet(AdaLoraConfig config, Linear layer, AdapterParts parts)
    {
        var (name, rank) = (layer.Name, config.Kept.TryGetValue($"{layer.Name}.lora_E", out var kept)
            ? kept.Count(k => k) : config.StartRank);
        var triplet = new Triplet(name,
            parts.Train($"{name}.lora_A", [rank, layer.Inputs],
                () => parts.Weights.Normal($"{name}.A", [rank, layer.Inputs], 0.02)),
            parts.Train($"{name}.lora_E", [rank, 1], () => parts.Zeros(rank, 1)),
            parts.Train($"{name}.lora_B", [layer.Outputs, rank],
                () => parts.Weights.Normal($"{name}.B", [layer.Outputs, rank], 0.02)),
            config.Alpha / (config.StartRank + 1e-5)); // as PEFT computes it
        parts.On(layer, new Piece(triplet, config.Dropout));
        return triplet;
    }

    private sealed class Piece(Triplet triplet, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, Pass pass) =>
            layer.Biased(layer.Product(x, pass.Mode, Addition, Dropout.Of(x, dropout, pass.Mode)));

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (layer.Values().add_(Addition.B.matmul(Addition.A), alpha: Number(Addition.Scale)), layer.Bias);

        private LowRank Addition => new(triplet.A * triplet.E, triplet.B, triplet.Scale);
    }
}

/// <summary>The update of one layer: <c>B [outputs, r], E [r, 1], A [r, inputs]</c>.</summary>
internal sealed record Triplet(string Name, Tensor A, Tensor E, Tensor B, double Scale);
