using System.Collections.ObjectModel;

namespace AlpacaCot.Training.Recipes;

/// <summary>What is trained: a method by its name, and its settings. What is not given is the method's own default.</summary>
public sealed record AdapterSpec
{
    /// <summary>A name of <see cref="AdapterRecipes.All"/>, or <c>none</c> to train every parameter.</summary>
    public string Method { get; init; } = "lora";

    /// <summary>Rank r of the update; AdaLoRA starts with it.</summary>
    public int? Rank { get; init; }

    /// <summary>The update is scaled by alpha / r, or alpha / sqrt(r) with <see cref="RsLora"/>.</summary>
    public double? Alpha { get; init; }

    /// <summary>Probability that an input of the update is dropped while training.</summary>
    public double Dropout { get; init; }

    /// <summary>
    /// The layers that get an update: names such as <c>q_proj</c>, one regular expression, or <c>all-linear</c>; none: those that
    /// PEFT chooses for the family.
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = [];

    /// <summary>The only blocks that take part, from 0; none: all.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [];

    /// <summary>Modules trained in full beside the adapter, such as <c>embed_tokens</c> and <c>lm_head</c>.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>Ranks of their own, by module name or pattern.</summary>
    public IReadOnlyDictionary<string, double> RankPattern { get; init; } = ReadOnlyDictionary<string, double>.Empty;

    /// <summary>Alphas of their own, by module name or pattern.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = ReadOnlyDictionary<string, double>.Empty;

    /// <summary>Biases of the base that are trained too: <c>none</c>, <c>all</c>, or <c>only</c> those of the targets.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>Rank-stabilized scaling (Kalajdzievski 2023, arXiv:2312.03732).</summary>
    public bool RsLora { get; init; }

    /// <summary>LoRA+: how many times as fast B learns as A.</summary>
    public double? PlusRatio { get; init; }

    /// <summary>LoftQ: times that codes and factors are fitted in turn.</summary>
    public int? LoftqIterations { get; init; }

    /// <summary>AdaLoRA: the mean rank at the end.</summary>
    public int? TargetRank { get; init; }

    /// <summary>AdaLoRA: steps before the first cut of ranks.</summary>
    public int? WarmupSteps { get; init; }

    /// <summary>AdaLoRA: steps after the last cut.</summary>
    public int? FinalSteps { get; init; }

    /// <summary>AdaLoRA: steps between cuts.</summary>
    public int? Interval { get; init; }

    /// <summary>LoKr: the larger side of the left factor at most.</summary>
    public int? Factor { get; init; }

    /// <summary>OFT: the width of one rotation.</summary>
    public int? BlockSize { get; init; }

    /// <summary>Bottleneck adapters: the width between down and up.</summary>
    public int? Size { get; init; }

    /// <summary>Bottleneck adapters: the non-linearity.</summary>
    public string? Activation { get; init; }

    /// <summary>Bottleneck adapters: the factor on what they add.</summary>
    public double? Scale { get; init; }

    /// <summary>Prompts and prefixes: virtual tokens.</summary>
    public int? VirtualTokens { get; init; }

    /// <summary>P-tuning: <c>mlp</c> or <c>lstm</c>.</summary>
    public string? Encoder { get; init; }

    /// <summary>P-tuning and prefix tuning: the width of the network that makes the vectors.</summary>
    public int? EncoderSize { get; init; }

    /// <summary>Prefix tuning and P-tuning v2: whether keys and values come out of a network.</summary>
    public bool? Projection { get; init; }

    /// <summary>Prompt tuning: the text that the vectors start at; none: at random.</summary>
    public string? StartText { get; init; }

    /// <summary>Freezing: the last blocks, which are trained.</summary>
    public int? TrainedLayers { get; init; }
}
