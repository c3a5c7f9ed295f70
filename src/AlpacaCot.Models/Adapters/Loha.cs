using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's LoHa configurations say.</summary>
public sealed record LohaConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "LOHA";

    /// <summary><c>r</c>: the rank of each factor.</summary>
    public int Rank { get; init; } = 8;

    /// <summary><c>alpha</c>: the update is scaled by alpha / rank.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>The layers that get an update.</summary>
    public Targets Targets { get; init; } = new();

    /// <summary><c>rank_pattern</c>: module names (or patterns) with a rank of their own.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary><c>alpha_pattern</c>: module names (or patterns) with an alpha of their own.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["alpha"] = PeftFields.Number(Alpha);
        fields["alpha_pattern"] = PeftFields.Map(AlphaPattern, PeftFields.Number);
        fields["init_weights"] = true;
        fields["r"] = Rank;
        fields["rank_pattern"] = PeftFields.Map(RankPattern, rank => rank);
        Targets.Write(fields);
    }
}

/// <summary>
/// LoHa (Hyeon-Woo et al., 2022, FedPara): the update is the elementwise product of two low-rank matrices,
/// <c>ΔW = alpha / r · (W1a W1b) ∘ (W2a W2b)</c>, of rank up to r². W2a starts at zero.
/// </summary>
public sealed class Loha : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "LOHA";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new LohaConfig
    {
        Rank = fields.Whole("r", 1) ?? 8, Alpha = fields.Real("alpha", 0, double.MaxValue) ?? 8, Targets = Targets.Read(fields),
        RankPattern = fields.Wholes("rank_pattern"), AlphaPattern = fields.Reals("alpha_pattern"),
    };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (LohaConfig)config;
        foreach (var layer in own.Targets.Linears(parts.Model)) On(own, layer, parts);
    }

    private static void On(LohaConfig config, Linear layer, AdapterParts parts)
    {
        var (name, rank) = (layer.Name, Targets.Own(config.RankPattern, layer.Name, config.Rank));
        var scale = Targets.Own(config.AlphaPattern, name, config.Alpha) / rank;
        var w1a = Weight("w1_a", 0.1, layer.Outputs, rank);
        var w1b = Weight("w1_b", 1, rank, layer.Inputs);
        var w2a = Weight("w2_a", 0, layer.Outputs, rank);
        var w2b = Weight("w2_b", 1, rank, layer.Inputs);
        parts.On(layer, new DeltaPiece(() => w1a.matmul(w1b) * w2a.matmul(w2b) * Number(scale)));

        Tensor Weight(string part, double deviation, long rows, long columns) =>
            parts.Train($"{name}.hada_{part}", [rows, columns],
            () => parts.Weights.Normal($"{name}.{part}", [rows, columns], deviation));
    }
}
