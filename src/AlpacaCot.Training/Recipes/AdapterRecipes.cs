using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Training.Recipes;

/// <summary>What a method's configuration is made from.</summary>
/// <param name="Spec">The recipe's section, defaults filled in.</param>
/// <param name="Model">The model.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="Encode">From text to token ids.</param>
internal sealed record AdapterOrder(AdapterSpec Spec, CausalModel Model, int Seed, Func<string, IReadOnlyList<int>> Encode)
{
    /// <summary>The targets named, or the default, in the blocks named.</summary>
    public Targets Targets(Func<CausalModel, Targets> otherwise) =>
        (Spec.Targets.Count > 0 ? Models.Adapters.Targets.Of(Spec.Targets) : otherwise(Model))
            with { Layers = Spec.Layers.Count > 0 ? Spec.Layers : null };
}

/// <summary>A method as a recipe names it.</summary>
/// <param name="Name">The word for <c>adapter.method</c>.</param>
/// <param name="Keys">The keys of the section that mean something with it.</param>
/// <param name="Defaults">Fills in what was not given.</param>
/// <param name="Configure">The configuration it attaches with.</param>
internal sealed record AdapterRecipe(string Name, string[] Keys, Func<AdapterSpec, AdapterSpec> Defaults,
    Func<AdapterOrder, AdapterConfig> Configure);

/// <summary>The table of methods that a recipe can name. A new one is one row here.</summary>
internal static class AdapterRecipes
{
    private static readonly string[] LowRankKeys = ["rank", "alpha", "dropout", "targets", "layers", "modules", "rank_pattern",
        "alpha_pattern", "bias", "use_rslora", "lora_plus_ratio"];

    private static readonly string[] DeltaKeys = ["rank", "alpha", "targets", "layers", "modules", "rank_pattern",
        "alpha_pattern"];

    /// <summary>Every method.</summary>
    public static IReadOnlyList<AdapterRecipe> All { get; } =
    [
        Low("lora", s => s, (c, _) => c),
        Low("rslora", s => s with { RsLora = true }, (c, _) => c),
        Low("lora_plus", s => s with { PlusRatio = s.PlusRatio ?? 16 }, (c, _) => c),
        Low("dora", s => s, (c, _) => c with { UseDora = true }),
        Low("pissa", s => s, (c, _) => c with { Start = "pissa" }),
        Low("olora", s => s, (c, _) => c with { Start = "olora" }),
        Low("loftq", s => s with { LoftqIterations = s.LoftqIterations ?? 1 },
            (c, s) => c with { Loftq = new LoftqConfig(s.LoftqIterations!.Value) }, "loftq_iterations"),
        new("adalora", ["rank", "target_rank", "alpha", "dropout", "targets", "layers", "modules", "bias", "warmup_steps",
                "final_steps", "interval"],
            s => s with { Rank = s.Rank ?? 12, TargetRank = s.TargetRank ?? 8, Alpha = s.Alpha ?? 16, Interval = s.Interval
                ?? 1 },
            o => new AdaLoraConfig
            {
                StartRank = o.Spec.Rank!.Value, TargetRank = o.Spec.TargetRank!.Value, Alpha = o.Spec.Alpha!.Value,
                Dropout = o.Spec.Dropout, WarmupSteps = o.Spec.WarmupSteps, FinalSteps = o.Spec.FinalSteps,
                Interval = o.Spec.Interval!.Value, Bias = Bias(o.Spec, "lora_only"), Targets = o.Targets(FamilyTargets.LowRank),
            }),
        new("vera", ["rank", "dropout", "targets", "layers", "modules", "bias"], s => s with { Rank = s.Rank ?? 256 },
            o => new VeraConfig
            {
                Rank = o.Spec.Rank!.Value, Dropout = o.Spec.Dropout, Seed = o.Seed, Bias = Bias(o.Spec, "vera_only"),
                Targets = o.Targets(FamilyTargets.LowRank),
            }),
        new("loha", DeltaKeys, s => s with { Rank = s.Rank ?? 8, Alpha = s.Alpha ?? 8 },
            o => new LohaConfig
            {
                Rank = o.Spec.Rank!.Value, Alpha = o.Spec.Alpha!.Value, Targets = o.Targets(FamilyTargets.LowRank),
                RankPattern = Ranks(o.Spec), AlphaPattern = o.Spec.AlphaPattern,
            }),
        new("lokr", [.. DeltaKeys, "factor"], s => s with { Rank = s.Rank ?? 8, Alpha = s.Alpha ?? 8 },
            o => new LokrConfig
            {
                Rank = o.Spec.Rank!.Value, Alpha = o.Spec.Alpha!.Value, Targets = o.Targets(FamilyTargets.LowRank),
                RankPattern = Ranks(o.Spec), AlphaPattern = o.Spec.AlphaPattern, Factor = o.Spec.Factor ?? -1,
            }),
        new("oft", ["block_size", "targets", "layers", "modules", "bias"], s => s,
            o => o.Targets(FamilyTargets.LowRank) is var targets ? new OftConfig
            {
                BlockSize = o.Spec.BlockSize ?? Oft.LargestBlock(targets.Linears(o.Model)), Targets = targets,
                Bias = Bias(o.Spec, "oft_only"),
            } : null!),
        new("ia3", ["targets", "modules"], s => s, o => new Ia3Config
        {
            Targets = o.Targets(FamilyTargets.Scaled), FeedForward = Targets.Of(FamilyTargets.FeedForwardOutput(o.Model)),
        }),
        new("ln_tuning", ["targets", "modules"], s => s,
            o => new LayerNormConfig { Targets = o.Targets(LayerNormTuning.All) }),
        new("prompt_tuning", ["virtual_tokens", "start_text"], Virtual, o => new PromptTuningConfig
        {
            Tokens = o.Spec.VirtualTokens!.Value, StartText = o.Spec.StartText,
            StartIds = o.Spec.StartText is { } text ? o.Encode(text) : [],
        }),
        new("p_tuning", ["virtual_tokens", "encoder", "encoder_size"],
            s => Virtual(s) with { Encoder = s.Encoder ?? "mlp", EncoderSize = s.EncoderSize ?? 128 }, o => new PTuningConfig
            {
                Tokens = o.Spec.VirtualTokens!.Value, Encoder = o.Spec.Encoder!.ToUpperInvariant(),
                Hidden = o.Spec.EncoderSize!.Value,
            }),
        new("prefix_tuning", ["virtual_tokens", "projection", "encoder_size"],
            s => Virtual(s) with { Projection = s.Projection ?? true, EncoderSize = s.EncoderSize ?? 128 },
            o => new PrefixTuningConfig
            {
                Tokens = o.Spec.VirtualTokens!.Value, Projects = o.Spec.Projection!.Value, Hidden = o.Spec.EncoderSize!.Value,
            }),
        new("p_tuning_v2", ["virtual_tokens", "projection", "modules"],
            s => Virtual(s) with { Projection = s.Projection ?? false },
            o => new PTuningV2Config { Tokens = o.Spec.VirtualTokens!.Value, Projects = o.Spec.Projection!.Value, Dropout =
                true }),
        Narrow("houlsby", false, FamilyTargets.SublayerOutputs),
        Narrow("pfeiffer", false, model => Targets.Of(FamilyTargets.FeedForwardOutput(model))),
        Narrow("parallel", true, FamilyTargets.AttentionInputs),
        new("bitfit", [], s => s, _ => new BitFitConfig()),
        new("freeze", ["trained_layers"], s => s with { TrainedLayers = s.TrainedLayers ?? 2 },
            o => new FreezeConfig { TrainedLayers = o.Spec.TrainedLayers!.Value }),
    ];

    /// <summary>Every word for <c>adapter.method</c>.</summary>
    public static IEnumerable<string> Names => [.. All.Select(m => m.Name), "none"];

    /// <summary>A method by its name.</summary>
    public static AdapterRecipe Named(string name) => All.First(m => m.Name == name);

    /// <summary>The section with the method's defaults filled in.</summary>
    public static AdapterSpec Filled(AdapterSpec spec) => spec.Method == "none" ? spec : Named(spec.Method).Defaults(spec);

    /// <summary>The configuration that a recipe's section means on a model.</summary>
    public static AdapterConfig Configure(AdapterOrder order, string? baseModel)
    {
        var filled = order with { Spec = Filled(order.Spec) };
        return Named(order.Spec.Method).Configure(filled) with { BaseModel = baseModel, ModulesToSave = order.Spec.Modules };
    }

    private static AdapterRecipe Low(string name, Func<AdapterSpec, AdapterSpec> defaults,
        Func<LoraConfig, AdapterSpec, LoraConfig> own, params string[] keys) =>
        new(name, [.. LowRankKeys, .. keys], s => defaults(s) with { Rank = s.Rank ?? 8, Alpha = s.Alpha ?? 16 },
            o => own(new LoraConfig
        {
            Rank = o.Spec.Rank!.Value, Alpha = o.Spec.Alpha!.Value, Dropout = o.Spec.Dropout, UseRsLora = o.Spec.RsLora,
            Bias = Bias(o.Spec, "lora_only"), PlusRatio = o.Spec.PlusRatio ?? 1, Targets = o.Targets(FamilyTargets.LowRank),
            RankPattern = Ranks(o.Spec), AlphaPattern = o.Spec.AlphaPattern,
        }, o.Spec));

    private static AdapterRecipe Narrow(string name, bool parallel, Func<CausalModel, Targets> targets) => new(name,
        ["size", "activation", "dropout", "scale", "targets", "layers", "modules"],
        s => s with { Size = s.Size ?? 64, Activation = s.Activation ?? "tanh", Scale = s.Scale ?? 1 }, o => new BottleneckConfig
        {
            Size = o.Spec.Size!.Value, Activation = o.Spec.Activation!, Dropout = o.Spec.Dropout, Scale = o.Spec.Scale!.Value,
            Parallel = parallel, Targets = o.Targets(targets),
        });

    private static AdapterSpec Virtual(AdapterSpec spec) => spec with { VirtualTokens = spec.VirtualTokens ?? 20 };

    private static string Bias(AdapterSpec spec, string only) => spec.Bias == "only" ? only : spec.Bias;

    private static Dictionary<string, int> Ranks(AdapterSpec spec) =>
        spec.RankPattern.ToDictionary(p => p.Key, p => (int)p.Value);
}
