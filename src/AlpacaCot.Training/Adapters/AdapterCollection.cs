using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Adapters;

/// <summary>How well an adapter goes with a model.</summary>
public enum AdapterFit
{
    /// <summary>Nobody asked.</summary>
    Unknown,

    /// <summary>It was trained on these very weights.</summary>
    SameWeights,

    /// <summary>Its tensors fit, but it was trained on other weights, or does not say on which.</summary>
    Shapes,

    /// <summary>It cannot be put on this model.</summary>
    None,
}

/// <summary>An adapter found in a folder.</summary>
/// <param name="Folder">Where it lies.</param>
/// <param name="Method">Its method: that of the card, or PEFT's <c>peft_type</c>.</param>
/// <param name="BaseModel">What its configuration or card names as its base.</param>
/// <param name="Bytes">The size of its weights.</param>
/// <param name="Card">Where it comes from, where AlpacaCot made it.</param>
public sealed record FoundAdapter(string Folder, string Method, string BaseModel, long Bytes, AdapterCard? Card);

/// <summary>What was found out about an adapter.</summary>
/// <param name="Adapter">The adapter.</param>
/// <param name="Problems">What is wrong with it, in sentences; none where it is sound.</param>
/// <param name="Fit">How it goes with the model that was named.</param>
/// <param name="FitReason">Why it does not fit.</param>
public sealed record AdapterVerdict(FoundAdapter Adapter, IReadOnlyList<string> Problems, AdapterFit Fit, string FitReason);

/// <summary>A folder of adapters, as they are kept: run folders, PEFT folders, folders of these.</summary>
public static class AdapterCollection
{
    private const int Depth = 4;
    private static readonly string[] NotAdapters = ["checkpoints", "best"];

    /// <summary>The adapters under a folder in the order of their paths; of a run its result, not its checkpoints.</summary>
    /// <exception cref="InputException">There is no such folder, or a card or configuration in it is broken.</exception>
    public static IReadOnlyList<FoundAdapter> In(string folder)
    {
        if (!Directory.Exists(folder)) throw new InputException($"{folder}: there is no such folder.");
        return [.. Folders(folder, Depth).Select(Describe)];
    }

    /// <summary>Checks an adapter: its files against its card, its numbers, and whether it goes with a model.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">A model folder to try it on; null: none.</param>
    /// <param name="quantization">How its linear layers are quantized while loading; null: as stored.</param>
    public static AdapterVerdict Verify(FoundAdapter adapter, string? model, QuantizationOptions? quantization = null)
    {
        List<string> problems = [];
        foreach (var (name, hash) in adapter.Card?.Files ?? new Dictionary<string, string>())
        {
            var path = Path.Combine(adapter.Folder, name);
            if (!File.Exists(path)) problems.Add($"{name} is missing");
            else if (Fingerprint.OfFile(path) != hash)
                problems.Add($"{name} is not the file that was written (its sha256 differs)");
        }
        CheckWeights(adapter.Folder, problems);
        var (fit, reason) = model is null ? (AdapterFit.Unknown, "") : Fit(adapter, model, quantization);
        return new AdapterVerdict(adapter, problems, fit, reason);
    }

    /// <summary>Whether an adapter goes with a model, by trying.</summary>
    /// <exception cref="InputException">The model itself cannot be loaded.</exception>
    public static (AdapterFit Fit, string Reason) Fit(FoundAdapter adapter, string model,
        QuantizationOptions? quantization = null)
    {
        using var loaded = LanguageModel.Load(model, quantization: quantization);
        try
        {
            using var attached = AdapterMethods.Load(loaded.Model, adapter.Folder);
        }
        catch (InputException e)
        {
            return (AdapterFit.None, e.Message);
        }
        return adapter.Card is { } card && card.Base.Fingerprint == ModelFingerprint.Of(loaded.Checkpoint)
            ? (AdapterFit.SameWeights, "") : (AdapterFit.Shapes, "");
    }

    private static void CheckWeights(string folder, List<string> problems)
    {
        var file = Path.Combine(folder, "adapter_model.safetensors");
        var pickle = Path.Combine(folder, "adapter_model.bin");
        if (!File.Exists(file) && !File.Exists(pickle))
        {
            problems.Add("its weights are missing");
            return;
        }
        try
        {
            using ITensorFile weights = File.Exists(file) ? SafetensorsFile.Open(file) : TorchPickleFile.Open(pickle);
            if (weights.Entries.Count == 0) problems.Add("its weight file holds no tensors");
            foreach (var name in weights.Entries.Keys)
            {
                using var scope = NewDisposeScope();
                var tensor = weights.Read(name);
                if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>())
                    problems.Add($"{name} holds values that are no numbers");
            }
        }
        catch (InputException e)
        {
            problems.Add(e.Message);
        }
    }

    private static IEnumerable<string> Folders(string folder, int depth)
    {
        if (AdapterFolder.IsAdapter(folder))
        {
            yield return folder;
            yield break;
        }
        if (depth == 0) yield break;
        foreach (var inner in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
            if (!NotAdapters.Contains(Path.GetFileName(inner)))
                foreach (var found in Folders(inner, depth - 1)) yield return found;
    }

    private static FoundAdapter Describe(string folder)
    {
        var config = ReadConfig(Path.Combine(folder, AdapterFolder.ConfigName));
        var card = AdapterCard.Read(folder);
        var bytes = Directory.GetFiles(folder, "adapter_model.*").Sum(file => new FileInfo(file).Length);
        return new FoundAdapter(folder, card?.Method ?? Text(config, "peft_type").ToLowerInvariant(),
            card?.Base.Name ?? Text(config, "base_model_name_or_path"), bytes, card);
    }

    private static JsonElement ReadConfig(string path)
    {
        try
        {
            return JsonElement.Parse(File.ReadAllText(path));
        }
        catch (JsonException e)
        {
            throw new InputException($"{path} is not valid JSON: {e.Message}", e);
        }
    }

    private static string Text(JsonElement config, string key) => config.ValueKind == JsonValueKind.Object
        && config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
