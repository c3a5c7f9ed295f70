using System.Text.Json.Nodes;
using AlpacaCot.Configuration;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Text;

namespace AlpacaCot.Training.Recipes;

/// <summary>
/// <c>adapter: { init: DIR }</c>: training continues from the weights of a trained adapter, with a new optimizer. Method and
/// settings are those of the adapter. A recipe may repeat them, which is checked, and may change dropout and
/// <c>lora_plus_ratio</c>.
/// </summary>
internal static class ContinuedAdapter
{
    /// <summary>The key of the folder.</summary>
    public const string Key = "init";

    private const string MethodKey = "method";

    /// <summary>The documentation of the key.</summary>
    public static DocumentedKey Documented { get; } = new($"adapter.{Key}", "a folder", "",
        "trained adapter (or run folder) to continue from on new data, with its method and settings and a new optimizer");

    /// <summary>Separates the key from those of the method.</summary>
    public static (ConfigurationNode Section, string? Folder) Take(ConfigurationNode node, KeyContext context)
    {
        if (node is not ConfigurationNode.Mapping map || map.Entries.Find(e => e.Name == Key) is not { } entry) return (node,
            null);
        var rest = map with { Entries = [.. map.Entries.Where(e => e.Name != Key)] };
        if (entry.Value.IsNull) return (rest, null);
        var own = context with { Name = $"{context.Name}.{Key}" };
        own.Problems.Given[own.Name] = entry.Value.Location;
        if (entry.Value is not ConfigurationNode.Scalar { Text.Length: > 0 } path)
            return (rest, own.Wrong<string?>(null, entry.Value, "the folder of a trained adapter"));
        if (Word(rest)?.Text == AdapterSection.None)
        {
            own.Problems.Add(path.Location,
                $"{own.Name} has no effect with method: none, which trains every parameter; remove it, and "
                + "set model: to the model that training continues from");
            return (rest, null);
        }
        var folder = own.FilePath(path);
        // A run folder stands for its result.
        return (rest, !AdapterFolder.IsAdapter(folder) && AdapterFolder.IsAdapter(Path.Combine(folder, "adapter"))
            ? Path.Combine(folder, "adapter") : folder);
    }

    /// <summary>The method and configuration of the adapter in a folder; null, with a problem reported, where it cannot be
    /// continued as the recipe says.</summary>
    public static (string Method, AdapterConfig Config)? Read(ConfigurationNode rest, string folder, KeyContext context)
    {
        var at = context.Problems.Given[$"{context.Name}.{Key}"];
        AdapterConfig saved;
        try
        {
            var file = Path.Combine(folder, AdapterFolder.ConfigName);
            if (!File.Exists(file))
                throw new InputException($"{folder} contains no adapter ({AdapterFolder.ConfigName}); give the folder of a "
                    + "trained one");
            saved = AdapterConfig.FromJson(File.ReadAllText(file), file);
        }
        catch (Exception e) when (e is InputException or IOException or UnauthorizedAccessException)
        {
            context.Problems.Add(at, $"{context.Name}.{Key}: {e.Message}");
            return null;
        }
        var word = Word(rest);
        if (word is not null && AdapterMethods.Named(word.Text) != saved.Method)
        {
            context.Problems.Add(word.Location, $"{context.Name}.{MethodKey}: found {word.Text}, but the adapter in {folder} is "
                + $"{Names(saved)}; remove {MethodKey}, or start a new adapter without {Key}");
            return null;
        }
        var name = word?.Text ?? saved.Method.Names.FirstOrDefault(n => Differing(Keyed(n, saved), saved).Count == 0)
            ?? saved.Method.Names[0];
        var keyed = Keyed(name, saved);
        if (word is not null && (IsStart(keyed) || Differing(keyed, saved).Count > 0))
        {
            var why = IsStart(keyed) ? "is already initialized" : $"has other settings: {Differing(keyed, saved)[0]} there";
            context.Problems.Add(word.Location,
                $"{context.Name}.{MethodKey}: found {name}, but the adapter in {folder} {why}; remove "
                + $"{MethodKey}");
            return null;
        }
        var given = ((ConfigurationNode.Mapping)rest).Entries.Where(e => e.Name != MethodKey).ToList();
        if (given.Count == 0) return (name, saved);

        var merged = (ConfigurationNode.Mapping)ConfigurationNode.Parse(AdapterSection.Write(name, saved), "adapter",
            RecipeFile.Schema);
        merged.Entries.RemoveAll(e => given.Any(g => g.Name == e.Name));
        merged.Entries.AddRange(given);
        var config = AdapterSection.Read(merged, context).Config;
        if (config is null) return null;
        foreach (var difference in Differing(config, keyed))
            context.Problems.Add(at,
                $"{context.Name}: {difference} in the adapter in {folder}, and its weights depend on it; remove the "
                + $"key, or start a new adapter without {Key}");
        return (name, config with { Other = saved.Other });
    }

    private static ConfigurationNode.Scalar? Word(ConfigurationNode node) =>
        (node as ConfigurationNode.Mapping)?.Entries.Find(e => e.Name == MethodKey)?.Value as ConfigurationNode.Scalar;

    private static string Names(AdapterConfig saved) => string.Join(" or ", saved.Method.Names.Take(1));

    // The settings that recipes have keys for.
    private static AdapterConfig Keyed(string name, AdapterConfig saved) =>
        AdapterRecipe.Parse(AdapterSection.Write(name, saved)).Config!;

    // PiSSA, OLoRA and LoftQ are ways to initialize, after which an adapter is a plain one.
    private static bool IsStart(AdapterConfig config) => config is LoraConfig lora
        && (lora.Start != LoraStart.Default || lora.Loftq is not null);

    // Fields with another value, apart from those that training may change.
    private static List<string> Differing(AdapterConfig config, AdapterConfig saved)
    {
        var (now, then) = (Fields(config), Fields(saved));
        return [.. now.Where(f => !f.Key.Contains("dropout", StringComparison.Ordinal)
                && f.Key is not ("base_model_name_or_path" or "inference_mode" or "task_type")
                && then.TryGetPropertyValue(f.Key, out var before) && !JsonNode.DeepEquals(f.Value, before))
            .Select(f => $"{f.Key} is {f.Value?.ToJsonString() ?? "null"} here and {then[f.Key]?.ToJsonString() ?? "null"}")];
    }

    private static JsonObject Fields(AdapterConfig config) => JsonNode.Parse(config.ToJson())!.AsObject();
}
