using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's LoKr configurations say.</summary>
public sealed record LokrConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "LOKR";

    /// <summary><c>r</c>: the rank of a factor that is decomposed.</summary>
    public int Rank { get; init; } = 8;

    /// <summary><c>alpha</c>: the update is scaled by alpha / rank.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary>The layers that get an update.</summary>
    public Targets Targets { get; init; } = new();

    /// <summary><c>decompose_both</c>: the left factor may be of low rank too.</summary>
    public bool DecomposeBoth { get; init; }

    /// <summary><c>decompose_factor</c>: the larger side of the left factor at most; -1: near the square root.</summary>
    public int Factor { get; init; } = -1;

    /// <summary><c>rank_pattern</c>: module names (or patterns) with a rank of their own.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary><c>alpha_pattern</c>: module names (or patterns) with an alpha of their own.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["alpha"] = PeftFields.Number(Alpha);
        fields["alpha_pattern"] = PeftFields.Map(AlphaPattern, PeftFields.Number);
        fields["decompose_both"] = DecomposeBoth;
        fields["decompose_factor"] = Factor;
        fields["init_weights"] = true;
        fields["r"] = Rank;
        fields["rank_pattern"] = PeftFields.Map(RankPattern, rank => rank);
        Targets.Write(fields);
    }
}

/// <summary>
/// LoKr (Edalati et al., 2022; Yeh et al., 2024): the update is a Kronecker product, <c>ΔW = alpha / r · W1 ⊗ W2</c>, whose large
/// factors are of low rank, <c>W2 = W2a W2b</c>. The left one starts at zero.
/// </summary>
public sealed class Lokr : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "LOKR";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new LokrConfig
    {
        Rank = fields.Whole("r", 1) ?? 8, Alpha = fields.Real("alpha", 0, double.MaxValue) ?? 8, Targets = Targets.Read(fields),
        DecomposeBoth = fields.Flag("decompose_both"), Factor = (int)(fields.Real("decompose_factor", -1, int.MaxValue) ?? -1),
        RankPattern = fields.Wholes("rank_pattern"), AlphaPattern = fields.Reals("alpha_pattern"),
    };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (LokrConfig)config;
        foreach (var layer in own.Targets.Linears(parts.Model)) On(own, layer, parts);
    }

    private static void On(LokrConfig config, Linear layer, AdapterParts parts)
    {
        var (name, rank) = (layer.Name, Targets.Own(config.RankPattern, layer.Name, config.Rank));
        var scale = Targets.Own(config.AlphaPattern, name, config.Alpha) / rank;
        var ((outer, outerRest), (inner, innerRest)) = (Split(layer.Outputs, config.Factor), Split(layer.Inputs, config.Factor));
        var left = Factor("w1", outer, inner, config.DecomposeBoth && rank < Math.Max(outer, inner) / 2.0, zero: true);
        var right = Factor("w2", outerRest, innerRest, rank < Math.Max(outerRest, innerRest) / 2.0, zero: false);
        parts.On(layer, new DeltaPiece(() => kron(left(), right()) * Number(scale)));

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
