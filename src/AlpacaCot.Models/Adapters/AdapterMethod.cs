using System.Text.Json.Nodes;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>The inputs for completing a recipe's configuration: the model and the run.</summary>
/// <param name="Model">The base model.</param>
/// <param name="Seed">The random seed of the run.</param>
/// <param name="Encode">Turns text into token ids.</param>
/// <param name="BaseModel">The path of the base model, saved with the adapter.</param>
public sealed record AdapterSetup(CausalModel Model, int Seed, Func<string, IReadOnlyList<int>> Encode,
    string? BaseModel = null);

/// <summary>
/// A parameter-efficient method, independent of its configuration type, as listed in <see cref="AdapterMethods"/>.
/// <see cref="AdapterMethod{T}"/> is the typed declaration.
/// </summary>
public abstract class AdapterMethod
{
    private protected AdapterMethod(string peftType) => PeftType = peftType;

    /// <summary>The value of <c>peft_type</c> in <c>adapter_config.json</c>.</summary>
    public string PeftType { get; }

    /// <summary>The values of <c>adapter.method</c> in a recipe, one per preset.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The names of the recipe keys of a preset.</summary>
    public abstract IReadOnlyList<string> KeysOf(string name);

    /// <summary>The default configuration of a preset.</summary>
    public abstract AdapterConfig Start(string name);

    /// <summary>Reads the section <c>adapter</c> of a recipe.</summary>
    /// <param name="name">The preset.</param>
    /// <param name="section">The section; its key <c>method</c> is ignored.</param>
    /// <param name="others">The keys of all methods. A key that this preset does not have gets a specific error message.</param>
    /// <param name="context">The name of the section and the list that receives problems.</param>
    internal abstract AdapterConfig Read(string name, ConfigurationNode section, IEnumerable<string> others, KeyContext context);

    /// <summary>The recipe keys and values of a configuration, values as YAML.</summary>
    public abstract IEnumerable<(string Name, string Value)> Write(string name, AdapterConfig config);

    /// <summary>Documentation of the recipe keys of all presets, each key once.</summary>
    /// <param name="prefix">The prefix of the key names.</param>
    public abstract IEnumerable<DocumentedKey> Document(string prefix);

    /// <summary>Fills in the settings of a recipe that depend on the model: its default targets, for example.</summary>
    public abstract AdapterConfig Complete(string name, AdapterConfig config, AdapterSetup setup);

    /// <summary>A key that belongs to other methods only: setting it is reported as an error.</summary>
    internal static Key<TRecord> Foreign<TRecord>(string key, string method, IReadOnlyList<string> own) =>
        new(key, "", "", (record, node, context) =>
        {
            if (key != "method")
                context.Problems.Add(node.Location, $"{context.Name} has no effect with method: {method}; remove it" +
                    (own.Count == 0 ? "" : $" (allowed keys: {string.Join(", ", own)})"));
            return record;
        }, _ => null);

    internal abstract AdapterConfig Read(PeftFields fields);

    internal abstract void Write(AdapterConfig config, SortedDictionary<string, JsonNode?> fields);

    internal abstract void Attach(AdapterConfig config, AdapterBuilder builder);
}

/// <summary>A named variant of a method in recipes, with its default configuration.</summary>
/// <param name="Name">The value of <c>adapter.method</c>.</param>
/// <param name="Start">The default configuration.</param>
public sealed record AdapterPreset<T>(string Name, T Start) where T : AdapterConfig
{
    /// <summary>Recipe keys specific to this preset.</summary>
    public IReadOnlyList<Key<T>> Keys { get; init; } = [];

    /// <summary>Targets used when a recipe sets none; null: those of the method.</summary>
    public Func<CausalModel, Targets>? DefaultTargets { get; init; }
}

/// <summary>The declaration of a method: presets, settings, and attachment to a model.</summary>
/// <param name="peftType">The value of <c>peft_type</c>; specific to this project for methods that PEFT does not have.</param>
public sealed class AdapterMethod<T>(string peftType) : AdapterMethod(peftType) where T : AdapterConfig, new()
{
    /// <summary>The variants of the method, each with a name for recipes.</summary>
    public required IReadOnlyList<AdapterPreset<T>> Presets { get; init; }

    /// <summary>All settings, in the order in which a recipe is written.</summary>
    public IReadOnlyList<Setting<T>> Settings { get; init; } = [];

    /// <summary>Attaches the method to a model.</summary>
    /// <remarks>Throws an <see cref="Text.InputException"/> if the method cannot be applied to the model.</remarks>
    public required Action<T, AdapterBuilder> OnAttach { get; init; }

    /// <summary>Targets used when a recipe sets none; null: the method has no targets.</summary>
    public Func<CausalModel, Targets>? DefaultTargets { get; init; }

    /// <summary>Fills in further settings that depend on the model.</summary>
    public Func<T, AdapterSetup, T>? OnComplete { get; init; }

    /// <summary>Checks settings for conflicts; returns the key to report and the message, or null.</summary>
    public Func<T, (string Key, string Problem)?>? Check { get; init; }

    /// <summary>The values of fields that are absent from a saved configuration.</summary>
    public T Absent { get; init; } = new();

    /// <summary>Fields of saved configurations that would change the computation and are not supported.</summary>
    public IReadOnlySet<string> Unsupported { get; init; } = new HashSet<string>();

    /// <summary>Rejects further fields of a saved configuration, called after all known fields were read.</summary>
    public Action<PeftFields>? CheckFields { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names => [.. Presets.Select(p => p.Name)];

    /// <inheritdoc/>
    public override IReadOnlyList<string> KeysOf(string name) => [.. Keys(Preset(name)).Select(k => k.Name)];

    /// <inheritdoc/>
    public override AdapterConfig Start(string name) => Preset(name).Start;

    internal override AdapterConfig Read(string name, ConfigurationNode section, IEnumerable<string> others, KeyContext context)
    {
        var preset = Preset(name);
        List<Key<T>> keys = [.. Keys(preset)];
        var own = keys.ConvertAll(k => k.Name);
        keys.AddRange(others.Except(own).Select(other => Foreign<T>(other, name, own)));
        var config = Section.Read(section, keys, null, preset.Start, context);
        if (Check?.Invoke(config) is { } conflict && context.Problems.Given.ContainsKey($"{context.Name}.{conflict.Key}"))
            context.Problems.AddAt($"{context.Name}.{conflict.Key}",
                $"{context.Name}.{conflict.Key}: {conflict.Problem}");
        return config;
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, string Value)> Write(string name, AdapterConfig config) =>
        Section.Values(Own(config), [.. Keys(Preset(name))], Preset(name).Start);

    /// <inheritdoc/>
    public override IEnumerable<DocumentedKey> Document(string prefix) => Presets
        .SelectMany(preset => Section.Document(prefix, [.. Keys(preset)], preset.Start)).DistinctBy(key => key.Name);

    /// <inheritdoc/>
    public override AdapterConfig Complete(string name, AdapterConfig config, AdapterSetup setup)
    {
        var own = Own(config) with { BaseModel = setup.BaseModel };
        if ((Preset(name).DefaultTargets ?? DefaultTargets) is { } targets && own.Targets.AreEmpty)
            own = own with { Targets = targets(setup.Model) with { Layers = own.Targets.Layers } };
        return OnComplete?.Invoke(own, setup) ?? own;
    }

    internal override AdapterConfig Read(PeftFields fields)
    {
        fields.Refuse(Unsupported);
        var config = Absent;
        foreach (var setting in Settings)
            if (setting.Field is { } field) config = field.Read(config, fields);
        CheckFields?.Invoke(fields);
        return config;
    }

    internal override void Write(AdapterConfig config, SortedDictionary<string, JsonNode?> fields)
    {
        foreach (var setting in Settings) setting.Field?.Write(Own(config), fields);
    }

    internal override void Attach(AdapterConfig config, AdapterBuilder builder) => OnAttach(Own(config), builder);

    private AdapterPreset<T> Preset(string name) => Presets.First(p => p.Name == name);

    private IEnumerable<Key<T>> Keys(AdapterPreset<T> preset) => Settings.Select(s => s.Key).OfType<Key<T>>().Concat(preset.Keys);

    // Safe: a configuration is only passed to the method it names.
    private static T Own(AdapterConfig config) => (T)config;
}
