using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Adapters;

/// <summary>The compatibility of an adapter with a model.</summary>
public enum AdapterFit
{
    /// <summary>Not checked.</summary>
    Unknown,

    /// <summary>The adapter was trained on exactly these weights.</summary>
    SameWeights,

    /// <summary>Its tensors fit, but it was trained on other weights or has no record of its base weights.</summary>
    Shapes,

    /// <summary>It cannot be attached to this model.</summary>
    None,
}

/// <summary>An adapter found in a folder.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Method">The method, from the card or PEFT's <c>peft_type</c>.</param>
/// <param name="BaseModel">The base model, from the card or PEFT's configuration.</param>
/// <param name="Bytes">The size of its weights in bytes.</param>
/// <param name="Card">Its provenance; null for adapters of other programs.</param>
public sealed record FoundAdapter(string Folder, string Method, string BaseModel, long Bytes, AdapterCard? Card);

/// <summary>The result of checking an adapter.</summary>
/// <param name="Adapter">The adapter.</param>
/// <param name="Problems">The problems found; empty for none.</param>
/// <param name="Fit">Its compatibility with the given model.</param>
/// <param name="FitReason">The reason where it does not fit; else empty.</param>
public sealed record AdapterVerdict(FoundAdapter Adapter, IReadOnlyList<string> Problems, AdapterFit Fit, string FitReason);

/// <summary>Finds and checks adapters in a folder of run folders, PEFT folders or folders of these.</summary>
public static class AdapterCollection
{
    private const int Depth = 4;
    private static readonly string[] NotAdapters = ["checkpoints", "best"];

    /// <summary>Finds the adapters under a folder, ordered by path; checkpoints of runs are skipped.</summary>
    /// <exception cref="InputException">The folder does not exist, or a card or configuration in it is invalid.</exception>
    public static IReadOnlyList<FoundAdapter> In(string folder)
    {
        if (!Directory.Exists(folder)) throw new InputException($"{folder}: the folder does not exist.");
        return [.. Folders(folder, Depth).Select(Describe)];
    }

    /// <summary>Checks an adapter: the hashes of its files, its values, and its compatibility with a model.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">A model folder to check against; null: compatibility is not checked.</param>
    /// <param name="quantization">The quantization of the model's linear layers; null: as stored.</param>
    public static AdapterVerdict Verify(FoundAdapter adapter, string? model, QuantizationOptions? quantization = null)
    {
        List<string> problems = [];
        foreach (var (name, hash) in adapter.Card?.Files ?? new Dictionary<string, string>())
        {
            var path = Path.Combine(adapter.Folder, name);
            if (!File.Exists(path)) problems.Add($"{name} is missing");
            else if (Fingerprint.OfFile(path) != hash)
                problems.Add($"{name} was changed after training (its SHA-256 differs from the card's)");
        }
        CheckWeights(adapter.Folder, problems);
        var (fit, reason) = model is null ? (AdapterFit.Unknown, "") : Fit(adapter, model, quantization);
        return new AdapterVerdict(adapter, problems, fit, reason);
    }

    /// <summary>Checks whether an adapter fits a model by attaching it.</summary>
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
            problems.Add("the weights are missing (adapter_model.safetensors or adapter_model.bin)");
            return;
        }
        try
        {
            using ITensorFile weights = File.Exists(file) ? SafetensorsFile.Open(file) : TorchPickleFile.Open(pickle);
            if (weights.Entries.Count == 0) problems.Add("the weight file contains no tensors");
            foreach (var name in weights.Entries.Keys)
            {
                using var scope = NewDisposeScope();
                var tensor = weights.Read(name);
                if (tensor.is_floating_point() && !tensor.isfinite().all().item<bool>())
                    problems.Add($"{name} contains NaN or infinite values");
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
        foreach (var inner in Directory.GetDirectories(folder).Order(NaturalOrder.Instance))
            if (!NotAdapters.Contains(Path.GetFileName(inner))
                && Path.GetExtension(inner) is not (".partial" or ".old" or ".damaged"))
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
