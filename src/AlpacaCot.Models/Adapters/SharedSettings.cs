using System.Globalization;
using AlpacaCot.Configuration;

namespace AlpacaCot.Models.Adapters;

/// <summary>The base-model biases that are trained together with an adapter.</summary>
public enum BiasTraining
{
    /// <summary>No bias.</summary>
    None,

    /// <summary>Every bias of the model.</summary>
    All,

    /// <summary>The biases of the adapted layers.</summary>
    Targets,
}

/// <summary>Settings shared by several methods.</summary>
internal static class SharedSettings
{
    /// <summary><c>targets</c>: the adapted layers.</summary>
    public static Setting<T> Targets<T>() where T : AdapterConfig => new(
        new Key<T>("targets", "all-linear, a list of layer names such as [q_proj, v_proj], or one regular expression",
            "the adapted layers; default: PEFT's choice for the family", ReadTargets, WriteTargets),
        new((config, fields) =>
        {
            var (pattern, names) = fields.PatternOrNames("target_modules");
            var (excludedPattern, excluded) = fields.PatternOrNames("exclude_modules");
            return config with
            {
                Targets = config.Targets with
                {
                    Pattern = pattern, Modules = names, ExcludedPattern = excludedPattern, Excluded = excluded,
                },
            };
        }, (config, fields) =>
        {
            var targets = config.Targets;
            fields["target_modules"] = targets.Pattern is { } pattern ? pattern : PeftFields.List(targets.Modules);
            if (targets.ExcludedPattern is { } excluded) fields["exclude_modules"] = excluded;
            else if (targets.Excluded.Count > 0) fields["exclude_modules"] = PeftFields.List(targets.Excluded);
        }));

    /// <summary><c>layers</c>: the blocks whose layers are adapted, from 0.</summary>
    public static Setting<T> Layers<T>() where T : AdapterConfig => new(LayersKey<T>(), new(
        ReadSavedLayers, (config, fields) =>
        {
            var (layers, pattern) = (config.Targets.Layers, config.Targets.LayersPattern);
            fields["layers_pattern"] = pattern is [var layer] ? layer : PeftFields.List(pattern);
            fields["layers_to_transform"] = layers is not null ? PeftFields.List(layers) : null;
        }));

    /// <summary>The recipe key <c>layers</c>, without a saved field.</summary>
    public static Key<T> LayersKey<T>() where T : AdapterConfig => new("layers", "a list of numbers such as [0, 1]",
        "the only blocks with an adapter, from 0", ReadLayers,
        config => config.Targets.Layers is { Count: > 0 } layers ? $"[{string.Join(", ", layers)}]" : null);

    /// <summary>The saved block fields of methods that write them only when set.</summary>
    public static PeftField<T> LayersWhereSet<T>() where T : AdapterConfig => new(ReadSavedLayers, (config, fields) =>
    {
        if (config.Targets.Layers is { } layers) fields["layers_to_transform"] = PeftFields.List(layers);
        if (config.Targets.LayersPattern is { Count: > 0 } pattern) fields["layers_pattern"] = PeftFields.List(pattern);
    });

    /// <summary><c>modules</c>: modules trained in full; saved by <see cref="AdapterConfig"/>.</summary>
    public static Key<T> Modules<T>() where T : AdapterConfig => new("modules",
        "a list of names such as [embed_tokens, lm_head]", "modules trained in full and saved too",
        (config, node, context) => node.Words is { Count: > 0 } modules
            ? config with { ModulesToSave = modules }
            : context.Wrong(config, node, "a list of names such as [embed_tokens, lm_head]"),
        config => config.ModulesToSave.Count == 0 ? null : Yaml.List(config.ModulesToSave));

    /// <summary><c>bias</c>: base-model biases that are trained with the adapter.</summary>
    /// <param name="only">PEFT's value for <see cref="BiasTraining.Targets"/>, such as <c>lora_only</c>.</param>
    /// <param name="get">Reads the property.</param>
    /// <param name="set">Sets the property.</param>
    public static Setting<T> Bias<T>(string only, Func<T, BiasTraining> get, Func<T, BiasTraining, T> set)
        where T : AdapterConfig
    {
        var setting = Setting<T>.Word("bias", "bias",
            "biases of the base model that are trained too; only: those of the targets", get, set,
            BiasWords("only"), BiasWords(only));
        return setting with { Key = setting.Key! with { Omitted = "none" } };
    }

    /// <summary><c>rank</c> of a low-rank configuration.</summary>
    public static Setting<T> Rank<T>() where T : LowRankConfig => Setting<T>.Whole("rank", "r", 1, "rank of the update",
        c => c.Rank, (c, v) => c with { Rank = v });

    /// <summary><c>alpha</c> of a low-rank configuration.</summary>
    /// <param name="field">PEFT's field name.</param>
    public static Setting<T> Alpha<T>(string field) where T : LowRankConfig => Setting<T>.Positive("alpha", field,
        "the update is scaled by alpha / rank", c => c.Alpha, (c, v) => c with { Alpha = v });

    /// <summary><c>rank_pattern</c>: ranks by module.</summary>
    public static Setting<T> RankPattern<T>() where T : LowRankConfig => new(
        Pattern<T>("rank_pattern", 16, "ranks of individual layers, by name or pattern", whole: true,
            c => c.RankPattern.Select(p => KeyValuePair.Create(p.Key, (double)p.Value)),
            (c, map) => c with { RankPattern = map.ToDictionary(p => p.Key, p => (int)p.Value) }),
        new((config, fields) => config with { RankPattern = fields.Wholes("rank_pattern") },
            (config, fields) => fields["rank_pattern"] = PeftFields.Map(config.RankPattern, rank => rank)));

    /// <summary><c>alpha_pattern</c>: alphas by module.</summary>
    public static Setting<T> AlphaPattern<T>() where T : LowRankConfig => new(
        Pattern<T>("alpha_pattern", 32, "alphas of individual layers, by name or pattern", whole: false,
            c => c.AlphaPattern, (c, map) => c with { AlphaPattern = map }),
        new((config, fields) => config with { AlphaPattern = fields.Reals("alpha_pattern") },
            (config, fields) => fields["alpha_pattern"] = PeftFields.Map(config.AlphaPattern, PeftFields.Number)));

    private static Words<BiasTraining> BiasWords(string only) =>
        new((BiasTraining.None, "none"), (BiasTraining.All, "all"), (BiasTraining.Targets, only));

    private static T ReadTargets<T>(T config, ConfigurationNode node, KeyContext context) where T : AdapterConfig
    {
        const string Allowed = "all-linear or a list of layer names such as [q_proj, v_proj]";
        if (node.Words is not { Count: > 0 } targets) return context.Wrong(config, node, Allowed);
        if (targets.Count > 1 && targets.Contains(Adapters.Targets.AllLinear))
            context.Problems.Add(node.Location, $"{context.Name}: all-linear already means every layer; write it alone");
        if (targets.Count != targets.Distinct().Count())
            context.Problems.Add(node.Location, $"{context.Name}: a layer is named twice");
        return config with { Targets = Adapters.Targets.Of(targets) with { Layers = config.Targets.Layers } };
    }

    private static string? WriteTargets<T>(T config) where T : AdapterConfig =>
        config.Targets.Pattern is { } pattern ? Yaml.List([pattern])
            : config.Targets.Modules.Count == 0 ? null : Yaml.List(config.Targets.Modules);

    private static T ReadLayers<T>(T config, ConfigurationNode node, KeyContext context) where T : AdapterConfig
    {
        var numbers = new List<int>();
        foreach (var word in node.Words is { Count: > 0 } words ? words : [""])
            if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) numbers.Add(number);
            else return context.Wrong(config, node, "a list of numbers such as [0, 1]");
        return config with { Targets = config.Targets with { Layers = numbers } };
    }

    private static T ReadSavedLayers<T>(T config, PeftFields fields) where T : AdapterConfig => config with
    {
        Targets = config.Targets with
        {
            Layers = fields.WholeOrWholes("layers_to_transform"), LayersPattern = fields.TextOrTexts("layers_pattern"),
        },
    };

    private static Key<T> Pattern<T>(string name, int example, string meaning, bool whole,
        Func<T, IEnumerable<KeyValuePair<string, double>>> get, Func<T, IReadOnlyDictionary<string, double>, T> set)
    {
        var allowed = $"a map from layer names to {(whole ? "whole " : "")}numbers";
        return new(name, $"a map such as {{ q_proj: {example} }}", meaning, (config, node, context) =>
        {
            if (node is not ConfigurationNode.Mapping map) return context.Wrong(config, node, allowed);
            var read = new Dictionary<string, double>();
            foreach (var entry in map.Entries)
                if (entry.Value is not ConfigurationNode.Scalar { Quoted: false } s
                    || !double.TryParse(s.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                    || !(value > 0) || whole && !(value == Math.Floor(value) && value <= int.MaxValue))
                    return context.Wrong(config, entry.Value, allowed);
                else if (!read.TryAdd(entry.Name, value))
                    context.Problems.Add(entry.Location, $"{context.Name}: {entry.Name} is named twice");
            return set(config, read);
        }, config => get(config).ToList() is { Count: > 0 } map
            ? Yaml.Map(map.Select(p => (Yaml.Text(p.Key), Yaml.Number(p.Value)))) : null);
    }
}
