using AlpacaCot.Configuration;

namespace AlpacaCot.Models.Adapters;

/// <summary>The section <c>adapter</c> of a recipe: the name of a method and the keys that it declares.</summary>
public static class AdapterSection
{
    /// <summary>The value of <c>method</c> for training every parameter without an adapter.</summary>
    public const string None = "none";

    private const string MethodKey = "method", DefaultMethod = "lora";

    private static readonly string[] Names = [.. AdapterMethods.Names, None];

    private static readonly string[] Keys =
        [MethodKey, .. AdapterMethods.All.SelectMany(m => m.Names.SelectMany(m.KeysOf)).Distinct()];

    /// <summary>Reads the section, or a scalar, which is the name of a method.</summary>
    /// <param name="node">The section.</param>
    /// <param name="context">The name of the section and the list that receives problems.</param>
    /// <returns>The name of the method and its settings; the settings are null for <c>none</c>.</returns>
    public static (string Method, AdapterConfig? Config) Read(ConfigurationNode node, KeyContext context)
    {
        if (node is ConfigurationNode.Scalar) node = node.AsEntry(MethodKey);
        var named = (node as ConfigurationNode.Mapping)?.Entries.Find(e => e.Name == MethodKey)?.Value;
        var name = named is null or { IsNull: true } ? DefaultMethod
            : named is ConfigurationNode.Scalar word && Names.Contains(word.Text) ? word.Text : null;
        if (name is not null && AdapterMethods.Named(name) is { } method) return (name, method.Read(name, node, Keys, context));
        // Keys cannot be checked for an unknown method; for none, no key is valid.
        Section.Read(node, [.. Keys.Select(key => name is null ? Ignored(key) : AdapterMethod.Foreign<string>(key, None, []))],
            null, None, context);
        if (name is not null) return (None, null);
        (context with { Name = $"{context.Name}.{MethodKey}" }).Wrong(None, named!, string.Join(" or ", Names), Names);
        return (DefaultMethod, AdapterMethods.Named(DefaultMethod)!.Start(DefaultMethod));
    }

    /// <summary>The section as one line of YAML.</summary>
    public static string Write(string method, AdapterConfig? config) => config is null ? None
        : Yaml.Map(config.Method.Write(method, config).Prepend((MethodKey, method)));

    /// <summary>Documentation of the keys of all methods.</summary>
    /// <param name="prefix">The prefix of the key names.</param>
    public static IEnumerable<DocumentedKey> Document(string prefix) => AdapterMethods.All.SelectMany(m => m.Document(prefix))
        .DistinctBy(key => key.Name)
        .Prepend(new(prefix + MethodKey, string.Join(" or ", Names), DefaultMethod,
            "the method of training, see docs/methods.md; none: every parameter is trained"));

    private static Key<string> Ignored(string key) => new(key, "", "", (record, _, _) => record, _ => null);
}
