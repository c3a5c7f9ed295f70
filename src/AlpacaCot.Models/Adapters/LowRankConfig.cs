using System.Collections.ObjectModel;

namespace AlpacaCot.Models.Adapters;

/// <summary>A configuration of low-rank updates, with a rank and a scale that can be overridden per module.</summary>
public abstract record LowRankConfig : AdapterConfig
{
    /// <summary><c>r</c>: the rank of the update, unless <see cref="RankPattern"/> sets another.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The update is scaled by alpha / rank; <c>lora_alpha</c> in LoRA, <c>alpha</c> in LoHa and LoKr.</summary>
    public double Alpha { get; init; } = 8;

    /// <summary><c>rank_pattern</c>: ranks of individual modules, by name or regular expression.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = ReadOnlyDictionary<string, int>.Empty;

    /// <summary><c>alpha_pattern</c>: alphas of individual modules, by name or regular expression.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = ReadOnlyDictionary<string, double>.Empty;

    /// <summary>The rank of a module's update.</summary>
    public int RankOf(string module) => Targets.Own(RankPattern, module, Rank);

    /// <summary>The scale of a module's update, alpha / rank unless a method overrides it.</summary>
    public virtual double ScaleOf(string module) => Targets.Own(AlphaPattern, module, Alpha) / RankOf(module);
}
