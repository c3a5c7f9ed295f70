using System.Globalization;
using AdapterKey = AlpacaCot.Training.Recipes.Key<AlpacaCot.Training.Recipes.AdapterSpec>;

namespace AlpacaCot.Training.Recipes;

/// <summary>The keys of the section <c>adapter</c>; which method has which is in <see cref="AdapterRecipes"/>.</summary>
internal static class AdapterKeys
{
    public static readonly AdapterKey[] All =
    [
        AdapterKey.Choice("method", [.. AdapterRecipes.Names],
            "what is trained; docs/methods.md tells each; none: every parameter",
            a => a.Method, (a, v) => a with { Method = v }),
        AdapterKey.Whole("rank", 1, "rank of the update",
            a => a.Rank, (a, v) => a with { Rank = v }),
        AdapterKey.Number("alpha", "a number above 0", v => v > 0, "the update is scaled by alpha / rank",
            a => a.Alpha, (a, v) => a with { Alpha = v }),
        AdapterKey.Number("dropout", "a number from 0, below 1", v => v is >= 0 and < 1,
            "share of the adapter's inputs dropped in training",
            a => a.Dropout == 0 ? null : a.Dropout, (a, v) => a with { Dropout = v }),
        new("targets", "all-linear, a list of layer names such as [q_proj, v_proj], or one regular expression",
            "the layers with an adapter; without it those that PEFT chooses for the family",
            ReadTargets, a => a.Targets.Count == 0 ? null : $"[{string.Join(", ", a.Targets.Select(Yaml.Text))}]"),
        new("layers", "a list of numbers such as [0, 1]", "the only blocks with an adapter, from 0",
            ReadLayers, a => a.Layers.Count == 0 ? null : $"[{string.Join(", ", a.Layers)}]"),
        new("modules", "a list of names such as [embed_tokens, lm_head]", "modules trained in full and saved too",
            ReadModules, a => a.Modules.Count == 0 ? null : $"[{string.Join(", ", a.Modules.Select(Yaml.Text))}]"),
        new("rank_pattern", "a map such as { q_proj: 16 }", "ranks of their own, by layer name or pattern",
            (a, node, context) => ReadPattern(a, node, context, whole: true, (spec, map) => spec with { RankPattern = map }),
            a => Pattern(a.RankPattern)),
        new("alpha_pattern", "a map such as { q_proj: 32 }", "alphas of their own, by layer name or pattern",
            (a, node, context) => ReadPattern(a, node, context, whole: false, (spec, map) => spec with { AlphaPattern = map }),
            a => Pattern(a.AlphaPattern)),
        AdapterKey.Choice("bias", ["none", "all", "only"], "biases of the base trained too; only: those of the targets",
            a => a.Bias == "none" ? null : a.Bias, (a, v) => a with { Bias = v }),
        AdapterKey.Flag("use_rslora", "scale by alpha / sqrt(rank) instead",
            a => a.RsLora, (a, v) => a with { RsLora = v }) with { Write = a => a.RsLora ? "true" : null },
        AdapterKey.Number("lora_plus_ratio", "a number from 1", v => v >= 1, "how many times as fast B learns as A",
            a => a.PlusRatio, (a, v) => a with { PlusRatio = v }),
        AdapterKey.Whole("loftq_iterations", 1, "times that LoftQ fits codes and factors in turn",
            a => a.LoftqIterations, (a, v) => a with { LoftqIterations = v }),
        AdapterKey.Whole("target_rank", 1, "mean rank at the end of AdaLoRA",
            a => a.TargetRank, (a, v) => a with { TargetRank = v }),
        AdapterKey.Whole("warmup_steps", 0, "steps before AdaLoRA's first cut; without it a tenth of all",
            a => a.WarmupSteps, (a, v) => a with { WarmupSteps = v }),
        AdapterKey.Whole("final_steps", 0, "steps after AdaLoRA's last cut; without it a fifth of all",
            a => a.FinalSteps, (a, v) => a with { FinalSteps = v }),
        AdapterKey.Whole("interval", 1, "steps between AdaLoRA's cuts",
            a => a.Interval, (a, v) => a with { Interval = v }),
        AdapterKey.Whole("factor", 2, "the larger side of LoKr's left factor at most; without it near the square root",
            a => a.Factor, (a, v) => a with { Factor = v }),
        AdapterKey.Whole("block_size", 2, "width of one rotation of OFT; a divisor of the layers' inputs",
            a => a.BlockSize, (a, v) => a with { BlockSize = v }),
        AdapterKey.Whole("size", 1, "width of a bottleneck adapter",
            a => a.Size, (a, v) => a with { Size = v }),
        AdapterKey.Choice("activation", ["tanh", "relu", "gelu", "silu"], "non-linearity of a bottleneck adapter",
            a => a.Activation!, (a, v) => a with { Activation = v }),
        AdapterKey.Number("scale", "a number above 0", v => v > 0, "factor on what a bottleneck adapter adds",
            a => a.Scale, (a, v) => a with { Scale = v }),
        AdapterKey.Whole("virtual_tokens", 1, "virtual tokens of a prompt or prefix",
            a => a.VirtualTokens, (a, v) => a with { VirtualTokens = v }),
        AdapterKey.Choice("encoder", ["mlp", "lstm"], "network of P-tuning",
            a => a.Encoder!, (a, v) => a with { Encoder = v }),
        AdapterKey.Whole("encoder_size", 1, "width of the network of P-tuning or prefix tuning",
            a => a.EncoderSize, (a, v) => a with { EncoderSize = v }),
        new("projection", "true or false", "whether a prefix comes out of a network",
            (a, node, context) => node is RecipeNode.Scalar { Quoted: false, Text: "true" or "false" } s
                ? a with { Projection = s.Text == "true" } : context.Wrong(a, node, "true or false"),
            a => a.Projection is { } value ? value ? "true" : "false" : null),
        AdapterKey.Text("start_text", "a text", "the text that prompt tuning starts at; without it at random",
            a => a.StartText, (a, v) => a with { StartText = v }),
        AdapterKey.Whole("trained_layers", 1, "the last blocks, which freezing trains",
            a => a.TrainedLayers, (a, v) => a with { TrainedLayers = v }),
    ];

    private static string? Pattern(IReadOnlyDictionary<string, double> map) => map.Count == 0 ? null
        : $"{{ {string.Join(", ", map.Select(p => $"{Yaml.Text(p.Key)}: {Yaml.Number(p.Value)}"))} }}";

    private static AdapterSpec ReadTargets(AdapterSpec adapter, RecipeNode node, KeyContext context)
    {
        const string Allowed = "all-linear or a list of layer names such as [q_proj, v_proj]";
        if (Words(node) is not { } targets) return context.Wrong(adapter, node, Allowed);
        if (targets.Length > 1 && targets.Contains("all-linear"))
            context.Problems.Add(node.Place, $"{context.Name}: all-linear already means every layer; write it alone");
        if (targets.Length != targets.Distinct().Count())
            context.Problems.Add(node.Place, $"{context.Name}: a layer is named twice");
        return adapter with { Targets = targets };
    }

    private static AdapterSpec ReadModules(AdapterSpec adapter, RecipeNode node, KeyContext context) =>
        Words(node) is { } modules ? adapter with { Modules = modules }
            : context.Wrong(adapter, node, "a list of names such as [embed_tokens, lm_head]");

    private static AdapterSpec ReadLayers(AdapterSpec adapter, RecipeNode node, KeyContext context)
    {
        var numbers = new List<int>();
        foreach (var word in Words(node) ?? [""])
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) numbers.Add(number);
            else return context.Wrong(adapter, node, "a list of numbers such as [0, 1]");
        return adapter with { Layers = numbers };
    }

    private static AdapterSpec ReadPattern(AdapterSpec adapter, RecipeNode node, KeyContext context, bool whole,
        Func<AdapterSpec, IReadOnlyDictionary<string, double>, AdapterSpec> set)
    {
        var allowed = $"a map from layer names to {(whole ? "whole " : "")}numbers";
        if (node is not RecipeNode.Mapping map) return context.Wrong(adapter, node, allowed);
        var read = new Dictionary<string, double>();
        foreach (var entry in map.Entries)
            if (entry.Value is not RecipeNode.Scalar { Quoted: false } s
                || !double.TryParse(s.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                || !(value > 0) || whole && value != Math.Floor(value))
                return context.Wrong(adapter, entry.Value, allowed);
            else if (!read.TryAdd(entry.Name, value))
                context.Problems.Add(entry.Place, $"{context.Name}: {entry.Name} is named twice");
        return set(adapter, read);
    }

    // One word or a list of words.
    private static string[]? Words(RecipeNode node)
    {
        IEnumerable<RecipeNode> items = node switch
        {
            RecipeNode.Scalar { Text.Length: > 0 } word => [word],
            RecipeNode.Sequence list => list.Items,
            _ => [],
        };
        var words = items.Select(n => n is RecipeNode.Scalar { Text.Length: > 0 } s ? s.Text : null).ToArray();
        return words.Length == 0 || words.Contains(null) ? null : words.OfType<string>().ToArray();
    }
}
