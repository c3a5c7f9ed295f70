using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of LoKr; the rank is that of a factor that is decomposed.</summary>
public sealed record LokrConfig : LowRankConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Lokr.Method;

    /// <summary><c>decompose_both</c>: the left factor may be of low rank too.</summary>
    public bool DecomposeBoth { get; init; }

    /// <summary><c>decompose_factor</c>: the larger side of the left factor at most; -1: near the square root.</summary>
    public int Factor { get; init; } = -1;
}

/// <summary>
/// LoKr (Edalati et al., 2022; Yeh et al., 2024): the update is a Kronecker product, <c>ΔW = alpha / r · W1 ⊗ W2</c>, whose large
/// factors are of low rank, <c>W2 = W2a W2b</c>. The left one starts at zero.
/// </summary>
public static class Lokr
{
    /// <summary>The declaration of the method.</summary>
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

    private static void Attach(LokrConfig own, AdapterBuilder parts)
    {
        foreach (var layer in own.Targets.Linears(parts.Model)) On(own, layer, parts);
    }

    private static void On(LokrConfig config, Linear layer, AdapterBuilder parts)
    {
        var (name, rank, scale) = (layer.Name, config.RankOf(layer.Name), config.ScaleOf(layer.Name));
        var ((outer, outerRest), (inner, innerRest)) = (Split(layer.Outputs, config.Factor), Split(layer.Inputs, config.Factor));
        var left = Factor("w1", outer, inner, config.DecomposeBoth && rank < Math.Max(outer, inner) / 2.0, zero: true);
        var right = Factor("w2", outerRest, innerRest, rank < Math.Max(outerRest, innerRest) / 2.0, zero: false);
        parts.Adapt(layer, new DenseDelta(() => kron(left(), right()) * Number(scale)));

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

        Tensor Weight(string part, long rows, long columns, bool zero) => parts.Train($"{name}.lokr_{part}", [rows, columns],
            () => zero ? parts.Zeros(rows, columns)
                : parts.Weights.Uniform($"{name}.{part}", [rows, columns], 1 / Math.Sqrt(columns)));
    }

    /// <summary>Two factors of a width, the smaller first: as near to each other as it goes, or with the larger at most
    /// <paramref name="factor"/>.</summary>
    internal static (long Small, long Large) Split(long width, long factor)
    {
        if (factor > 0 && width % factor == 0)
            return factor < width / factor ? (factor, width / factor) : (width / factor, factor);
        var most = factor < 0 ? width : factor;
        var (small, large) = (1L, width);
        for (var next = 2L; next <= Math.Min(most, width / next); next++)
            if (width % next == 0) (small, large) = (next, width / next);
        return (small, large);
    }
}
