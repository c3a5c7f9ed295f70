using System.Collections.ObjectModel;

namespace AlpacaCot.Models.Adapters;

/// <summary>A configuration whose updates have a rank and a scale, which single modules can have of their own.</summary>
public abstract record LowRankConfig : AdapterConfig
{
    /// <summary><c>r</c>: the rank of the update, where <see cref="RankPattern"/> names no other.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The update is scaled by alpha / rank; <c>lora_alpha</c> in LoRA, <c>alpha</c> in LoHa and LoKr.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>rank_pattern</c>: module names (or patterns) with a rank of their own.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = ReadOnlyDictionary<string, int>.Empty;

    /// <summary><c>alpha_pattern</c>: module names (or patterns) with an alpha of their own.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = ReadOnlyDictionary<string, double>.Empty;

    /// <summary>The rank on a module.</summary>
    public int RankOf(string module) => Targets.Own(RankPattern, module, Rank);

    /// <summary>The factor on the update of a module.</summary>
    public virtual double ScaleOf(string module) => Targets.Own(AlphaPattern, module, Alpha) / RankOf(module);
}
