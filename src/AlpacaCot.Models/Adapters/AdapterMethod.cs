using System.Text.Json.Nodes;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>The model and the run that a configuration of a recipe is completed for.</summary>
/// <param name="Model">The base model.</param>
/// <param name="Seed">The seed of the run.</param>
/// <param name="Encode">Turns text into token ids.</param>
/// <param name="BaseModel">The path of the base model, saved with the adapter.</param>
public sealed record AdapterSetup(CausalModel Model, int Seed, Func<string, IReadOnlyList<int>> Encode,
    string? BaseModel = null);

/// <summary>
/// A parameter-efficient method as the registry holds it. <see cref="AdapterMethod{T}"/> is its declaration; this is the view
/// of it that does not know the type of its configuration.
/// </summary>
public abstract class AdapterMethod
{
    private protected AdapterMethod(string peftType) => PeftType = peftType;

    /// <summary>The value of <c>peft_type</c> in <c>adapter_config.json</c>.</summary>
    public string PeftType { get; }

    /// <summary>The words for <c>adapter.method</c> in a recipe: one for each preset.</summary>
    public abstract IReadOnlyList<string> Names { get; }

    /// <summary>The recipe keys of a preset.</summary>
    public abstract IReadOnlyList<string> KeysOf(string name);

    /// <summary>The configuration of a preset before any key is read.</summary>
    public abstract AdapterConfig Start(string name);

    /// <summary>Reads the section <c>adapter</c> of a recipe.</summary>
    /// <param name="name">The preset.</param>
    /// <param name="section">The section; its entry <c>method</c> is passed over.</param>
    /// <param name="others">Keys of all methods: one that this preset lacks is an error of its own.</param>
    /// <param name="context">The name of the section, and where problems go.</param>
    internal abstract AdapterConfig Read(string name, ConfigurationNode section, IEnumerable<string> others, KeyContext context);

    /// <summary>The keys that a recipe is written with, and their values as YAML.</summary>
    public abstract IEnumerable<(string Name, string Value)> Write(string name, AdapterConfig config);

    /// <summary>The recipe keys of all presets as documentation, each key once.</summary>
    /// <param name="prefix">What is written before the names.</param>
    public abstract IEnumerable<DocumentedKey> Document(string prefix);

    /// <summary>Fills in the settings of a recipe that depend on the model: its default targets, for example.</summary>
    public abstract AdapterConfig Complete(string name, AdapterConfig config, AdapterSetup setup);

    /// <summary>The row of a key that a preset does not have: giving it is an error.</summary>
    internal static Key<TRecord> Foreign<TRecord>(string key, string method, IReadOnlyList<string> own) =>
        new(key, "", "", (record, node, context) =>
        {
            if (key != "method")
                context.Problems.Add(node.Location, $"{context.Name} has no meaning with method: {method}; leave it out" +
                    (own.Count == 0 ? "" : $" (it has {string.Join(", ", own)})"));
            return record;
        }, _ => null);

    internal abstract AdapterConfig Read(PeftFields fields);

    internal abstract void Write(AdapterConfig config, SortedDictionary<string, JsonNode?> fields);

    internal abstract void Attach(AdapterConfig config, AdapterBuilder parts);
}

/// <summary>One name of a method in recipes, with the configuration that it starts from.</summary>
/// <param name="Name">The word for <c>adapter.method</c>.</param>
/// <param name="Start">The configuration where a recipe sets nothing.</param>
public sealed record AdapterPreset<T>(string Name, T Start) where T : AdapterConfig
{
    /// <summary>Recipe keys of this preset alone.</summary>
    public IReadOnlyList<Key<T>> Keys { get; init; } = [];

    /// <summary>The targets where a recipe names none; null: those of the method.</summary>
    public Func<CausalModel, Targets>? DefaultTargets { get; init; }
}

/// <summary>The declaration of a method: its names, its settings, and what it puts into a model.</summary>
/// <param name="peftType">The value of <c>peft_type</c>; of the project's own making where PEFT has no such method.</param>
public sealed class AdapterMethod<T>(string peftType) : AdapterMethod(peftType) where T : AdapterConfig, new()
{
    /// <summary>The names of the method in recipes.</summary>
    public required IReadOnlyList<AdapterPreset<T>> Presets { get; init; }

    /// <summary>All settings, in the order in which a recipe is written.</summary>
    public IReadOnlyList<Setting<T>> Settings { get; init; } = [];

    /// <summary>Puts the method into a model.</summary>
    /// <remarks>It throws an <see cref="Text.InputException"/> where it cannot work on the model.</remarks>
    public required Action<T, AdapterBuilder> OnAttach { get; init; }

    /// <summary>The targets where a recipe names none; null: the method has no targets.</summary>
    public Func<CausalModel, Targets>? DefaultTargets { get; init; }

    /// <summary>Fills in further settings that depend on the model.</summary>
    public Func<T, AdapterSetup, T>? OnComplete { get; init; }

    /// <summary>An error about settings of a recipe that do not go together: the key to report it at, and the message.</summary>
    public Func<T, (string Key, string Problem)?>? Check { get; init; }

    /// <summary>The configuration that a saved one without any field means.</summary>
    public T Absent { get; init; } = new();

    /// <summary>Fields of saved configurations that change the computation in ways not supported here.</summary>
    public IReadOnlySet<string> Unsupported { get; init; } = new HashSet<string>();

    /// <summary>Refuses further fields of a saved configuration, after all known ones were read.</summary>
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

    internal override void Attach(AdapterConfig config, AdapterBuilder parts) => OnAttach(Own(config), parts);

    private AdapterPreset<T> Preset(string name) => Presets.First(p => p.Name == name);

    private IEnumerable<Key<T>> Keys(AdapterPreset<T> preset) => Settings.Select(s => s.Key).OfType<Key<T>>().Concat(preset.Keys);

    // The one place where a configuration gets its type back: it names its method itself.
    private static T Own(AdapterConfig config) => (T)config;
}
