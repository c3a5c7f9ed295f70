using System.Text.Json;
using AlpacaCot.Configuration;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// The identity of a run: the resolved recipe, the data and the weights of the model. Resuming requires that what changes the
/// computation is equal.
/// </summary>
/// <param name="Recipe">The resolved recipe as YAML.</param>
/// <param name="Data">The fingerprint of the tokenized data.</param>
/// <param name="Mixture">The training data as read; the tokenized data follows from it, so it is stored but not compared.</param>
/// <param name="Model">The fingerprint of the base model's weights; empty for random weights.</param>
internal sealed record RunIdentity(string Recipe, string Data, MixtureReport Mixture, string Model)
{
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    // Keys that do not change what a step computes: where files are (their content is compared), when something is written or
    // evaluated, when the run ends, and how the same numbers are computed.
    private static readonly HashSet<string> Free =
    [
        "output", "device", "save_dtype", "model", "model.path", "model.init", "model.tokenizer", "adapter.init",
        "training.epochs", "training.max_steps", "training.eval_steps", "training.save_steps", "training.save_total_limit",
        "training.logging_steps", "training.early_stopping", "training.early_stopping_min_delta",
        "training.early_stopping_result", "training.threads", "training.gradient_checkpointing", "training.skip_bad",
    ];

    // Keys whose effect is in the tokenized data: they are named only where that has changed.
    private static readonly string[] OfData =
        ["data.", "validation.", "mixture.", "template", "training.cutoff_length", "training.train_on",
            "training.validation_size",
            "training.reasoning", "training.chunk"];

    public string RecipeHash => Fingerprint.Of(Recipe);

    /// <summary>Checks that a run can be continued with this identity.</summary>
    /// <param name="folder">The run folder.</param>
    /// <exception cref="InputException">The folder contains no run, or a run of another computation; the message names each key
    /// that differs with both values.</exception>
    public void CheckAgainst(string folder)
    {
        var runFile = Path.Combine(folder, "run.json");
        if (!File.Exists(runFile))
            throw new InputException($"There is no run to resume: {runFile} does not exist. Train without --resume.");
        var (recipe, data, model) = Read(runFile);
        const string Remedy = "start a new run with another output, or with --overwrite.";
        if (recipe != RecipeHash && Changed(Path.Combine(folder, "recipe.yaml"), key => !IsOfData(key)) is { Count: > 0 } changed)
            throw new InputException($"The recipe has changed since the run in {folder} began: {string.Join("; ", changed)}. "
                + $"Set {(changed.Count == 1 ? "it" : "them")} back, or {Remedy} (More epochs or steps, other logging, saving, "
                + "evaluation or threads, another device, and moved folders are no obstacle.)");
        if (data != Data)
            throw new InputException($"The data has changed since the run in {folder} began: "
                + (Changed(Path.Combine(folder, "recipe.yaml"), IsOfData) is { Count: > 0 } keys ? string.Join("; ", keys)
                    : "the files have another content, or are read or split differently by this version")
                + $". Resume needs the same data; {Remedy}");
        if (model is not null && Model.Length > 0 && model != Model)
            throw new InputException($"The base model has other weights than when the run in {folder} began. Resume needs the "
                + "same "
                + $"model; {Remedy}");
    }

    /// <summary>The differing keys of the stored recipe, each with both values.</summary>
    private List<string> Changed(string storedRecipe, Func<string, bool> isCompared)
    {
        if (!File.Exists(storedRecipe)) return [$"{storedRecipe} is missing, so the recipes cannot be compared"];
        var (before, now) = (Values(File.ReadAllText(storedRecipe), storedRecipe), Values(Recipe, "recipe"));
        return [.. before.Keys.Union(now.Keys).Where(key => !Free.Contains(key) && isCompared(key))
            .Where(key => before.GetValueOrDefault(key) != now.GetValueOrDefault(key))
            .Select(key => $"{key} was {before.GetValueOrDefault(key, "not set")}, now {now.GetValueOrDefault(key, "not set")}")];
    }

    private static bool IsOfData(string key) => OfData.Any(start => key.StartsWith(start, StringComparison.Ordinal));

    private static (string? Recipe, string? Data, string? Model) Read(string runFile)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(runFile));
            string? Text(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.GetString() : null;
            return (Text("recipe_sha256"), Text("data_sha256"), Text("model_sha256"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"{runFile} is damaged: {e.Message} Start the run again with --overwrite.", e);
        }
    }

    // Each scalar of the YAML by its full key; paths of data are compared by content, not by name.
    private static Dictionary<string, string> Values(string yaml, string file)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        Add("", ConfigurationNode.Parse(yaml, file, RecipeFile.Schema));
        return values;

        void Add(string key, ConfigurationNode node)
        {
            if (node is ConfigurationNode.Mapping map)
                foreach (var entry in map.Entries) Add(key.Length == 0 ? entry.Name : $"{key}.{entry.Name}", entry.Value);
            else if (node is ConfigurationNode.Sequence list)
                foreach (var (i, item) in list.Items.Index()) Add($"{key}.{i}", item);
            else if (!(key.StartsWith("data.", StringComparison.Ordinal)
                || key.StartsWith("validation.", StringComparison.Ordinal))
                || !(key.EndsWith(".path", StringComparison.Ordinal) || key.EndsWith(".name", StringComparison.Ordinal)))
                values[key] = ((ConfigurationNode.Scalar)node).Text;
        }
    }
}
