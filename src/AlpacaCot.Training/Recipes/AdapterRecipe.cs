using AlpacaCot.Configuration;
using AlpacaCot.Models.Adapters;

namespace AlpacaCot.Training.Recipes;

/// <summary>The <c>adapter</c> section of a recipe: an adapter method with its settings, or every parameter.</summary>
public sealed record AdapterRecipe
{
    private AdapterRecipe(string method, AdapterConfig? config) => (Method, Config) = (method, config);

    /// <summary>Full tuning: every parameter is trained.</summary>
    public static AdapterRecipe None { get; } = new(AdapterSection.None, null);

    /// <summary>The value of <c>adapter.method</c>.</summary>
    public string Method { get; }

    /// <summary>
    /// The settings of the method; null: every parameter is trained. Targets and other settings that depend on the model are
    /// filled in by <see cref="Complete"/>.
    /// </summary>
    public AdapterConfig? Config { get; init; }

    /// <summary>The folder of a trained adapter whose weights training continues from; null: newly initialized weights.</summary>
    public string? Init { get; init; }

    /// <summary>Creates a section of a method with default settings.</summary>
    /// <param name="method">One of <see cref="AdapterMethods.Names"/>.</param>
    /// <exception cref="Text.InputException">The method is unknown.</exception>
    public static AdapterRecipe Of(string method) => AdapterMethods.Named(method) is { } found
        ? new AdapterRecipe(method, found.Start(method)) : Parse(method);

    /// <summary>Creates a section of a method with given settings.</summary>
    /// <param name="method">One of <see cref="AdapterMethods.Names"/> for a method with this kind of configuration.</param>
    /// <param name="config">The settings.</param>
    public static AdapterRecipe Of(string method, AdapterConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config.Method.Names.Contains(method) ? new AdapterRecipe(method, config)
            : throw new ArgumentException($"{method} is not a method with {config.GetType().Name}", nameof(method));
    }

    /// <summary>Reads the section <c>adapter</c>: <c>lora</c>, or <c>{ method: lora, rank: 16 }</c>.</summary>
    /// <exception cref="Text.InputException">The section has errors; the message lists all of them.</exception>
    public static AdapterRecipe Parse(string yaml)
    {
        var problems = new Problems("adapter");
        var node = ConfigurationNode.Parse(yaml, "adapter", RecipeFile.Schema);
        var adapter = Read(node, new KeyContext("adapter", null, problems, RecipeFile.Schema));
        problems.ThrowIfAny();
        return adapter;
    }

    /// <summary>Completes the settings for a model; null: every parameter is trained.</summary>
    /// <exception cref="Text.InputException">A default of the method does not fit the model.</exception>
    public AdapterConfig? Complete(AdapterSetup setup) => Config?.Method.Complete(Method, Config, setup);

    /// <summary>The section as YAML in one line.</summary>
    public override string ToString() => Init is null || Config is null ? AdapterSection.Write(Method, Config)
        : Yaml.Map([("method", Method), .. Config.Method.Write(Method, Config), (ContinuedAdapter.Key, Yaml.Text(Init))]);

    internal static AdapterRecipe Read(ConfigurationNode node, KeyContext context)
    {
        var (rest, init) = ContinuedAdapter.Take(node, context);
        if (init is not null && context.Folder is not null && ContinuedAdapter.Read(rest, init, context) is var (name, saved))
            return new AdapterRecipe(name, saved) { Init = init };
        var (method, config) = AdapterSection.Read(rest, context);
        return config is null ? None : new AdapterRecipe(method, config) { Init = init };
    }
}
