using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of LoHa; the rank is that of each of the two products.</summary>
public sealed record LohaConfig : LowRankConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Loha.Method;
}

/// <summary>
/// LoHa (Hyeon-Woo et al., 2022, FedPara): the update is the elementwise product of two low-rank matrices, <c>ΔW = alpha / r ·
/// (W1a W1b) ∘ (W2a W2b)</c>, of rank up to r². W2a is initialized to zero.
/// </summary>
public static class Loha
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<LohaConfig> Method { get; } = new("LOHA")
    {
        Presets = [new("loha", new())],
        Settings =
        [
            SharedSettings.Rank<LohaConfig>(),
            SharedSettings.Alpha<LohaConfig>("alpha"),
            SharedSettings.Targets<LohaConfig>(),
            SharedSettings.Layers<LohaConfig>(),
            SharedSettings.Modules<LohaConfig>(),
            SharedSettings.RankPattern<LohaConfig>(),
            SharedSettings.AlphaPattern<LohaConfig>(),
            PeftField<LohaConfig>.Constant("init_weights", true),
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
    };

    private static void Attach(LohaConfig config, AdapterBuilder builder)
    {
        foreach (var layer in config.Targets.Linears(builder.Model)) On(config, layer, builder);
    }

    private static void On(LohaConfig config, Linear layer, AdapterBuilder builder)
    {
        var (name, rank, scale) = (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name));
        var w1a = Weight("w1_a", 0.1, layer.Outputs, rank);
        var w1b = Weight("w1_b", 1, rank, layer.Inputs);
        var w2a = Weight("w2_a", 0, layer.Outputs, rank);
        var w2b = Weight("w2_b", 1, rank, layer.Inputs);
        builder.Adapt(layer, new DenseDelta(() => w1a.matmul(w1b) * w2a.matmul(w2b) * Number(scale)));

        Tensor Weight(string part, double deviation, long rows, long columns) =>
            builder.Train($"{name}.hada_{part}", [rows, columns],
            () => builder.Weights.Normal($"{name}.{part}", [rows, columns], deviation));
    }
}
