using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of LoKr; the rank is that of a decomposed factor.</summary>
public sealed record LokrConfig : LowRankConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Lokr.Method;

    /// <summary><c>decompose_both</c>: the left factor may be low-rank as well.</summary>
    public bool DecomposeBoth { get; init; }

    /// <summary>
    /// <c>decompose_factor</c>: upper limit of the left factor's larger side; -1: as close to the square root as possible.
    /// </summary>
    public int Factor { get; init; } = -1;
}

/// <summary>
/// LoKr (Edalati et al., 2022; Yeh et al., 2024): the update is a Kronecker product, <c>ΔW = alpha / r · W1 ⊗ W2</c>, whose large
/// factors are low-rank, <c>W2 = W2a W2b</c>. The left factor is initialized to zero.
/// </summary>
public static class Lokr
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<LokrConfig> Method { get; } = new("LOKR")
    {
        Presets = [new("lokr", new())],
        Settings =
        [
            SharedSettings.Rank<LokrConfig>(),
            SharedSettings.Alpha<LokrConfig>("alpha"),
            SharedSettings.Targets<LokrConfig>(),
            SharedSettings.Layers<LokrConfig>(),
            SharedSettings.Modules<LokrConfig>(),
            SharedSettings.RankPattern<LokrConfig>(),
            SharedSettings.AlphaPattern<LokrConfig>(),
            new(Key<LokrConfig>.Whole("factor", 2,
                    "the larger side of LoKr's left factor at most; without it near the square root",
                    c => c.Factor < 0 ? null : c.Factor, (c, v) => c with { Factor = v }),
                PeftField<LokrConfig>.Number("decompose_factor", -1, int.MaxValue, c => c.Factor,
                    (c, v) => c with { Factor = (int)v })),
            PeftField<LokrConfig>.Flag("decompose_both", c => c.DecomposeBoth, (c, v) => c with { DecomposeBoth = v }),
            PeftField<LokrConfig>.Constant("init_weights", true),
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
    };

    private static void Attach(LokrConfig config, AdapterBuilder builder)
    {
        foreach (var layer in config.Targets.Linears(builder.Model)) On(config, layer, builder);
    }

    private static void On(LokrConfig config, Linear layer, AdapterBuilder builder)
    {
        var (name, rank, scale) = (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name));
        var ((outer, outerRest), (inner, innerRest)) = (Split(layer.Outputs, config.Factor), Split(layer.Inputs, config.Factor));
        var left = Factor("w1", outer, inner, config.DecomposeBoth && rank < Math.Max(outer, inner) / 2.0, zero: true);
        var right = Factor("w2", outerRest, innerRest, rank < Math.Max(outerRest, innerRest) / 2.0, zero: false);
        builder.Adapt(layer, new DenseDelta(() => kron(left(), right()) * Number(scale)));

        Func<Tensor> Factor(string part, long rows, long columns, bool low, bool zero)
        {
            if (!low)
            {
                var whole = Weight(part, rows, columns, zero);
                return () => whole;
            }
            var (a, b) = (Weight(part + "_a", rows, rank, zero), Weight(part + "_b", rank, columns, false));
            return () => a.matmul(b);
        }

        Tensor Weight(string part, long rows, long columns, bool zero) => builder.Train($"{name}.lokr_{part}", [rows, columns],
            () => zero ? builder.Zeros(rows, columns)
                : builder.Weights.Uniform($"{name}.{part}", [rows, columns], 1 / Math.Sqrt(columns)));
    }

    /// <summary>
    /// Splits a width into two factors, the smaller first: as close to each other as possible, or with the larger at most
    /// <paramref name="factor"/> if that is positive.
    /// </summary>
    internal static (long Small, long Large) Split(long width, long factor)
    {
        if (factor > 0 && width % factor == 0)
            return factor < width / factor ? (factor, width / factor) : (width / factor, factor);
        var limit = factor < 0 ? width : factor;
        var (small, large) = (1L, width);
        for (var next = 2L; next <= Math.Min(limit, width / next); next++)
            if (width % next == 0) (small, large) = (next, width / next);
        return (small, large);
    }
}
