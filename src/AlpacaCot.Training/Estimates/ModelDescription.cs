using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using AlpacaCot.Training.Recipes;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Estimates;

/// <summary>The description of a model for estimates: its configuration and the stored types of its weights.</summary>
/// <param name="Config">The content of <c>config.json</c>.</param>
/// <param name="Type">The type of matrices whose stored type is unknown.</param>
/// <param name="Types">The stored type of each tensor, by its name in the files; empty where there are no files.</param>
public sealed record ModelDescription(JsonElement Config, ScalarType Type, IReadOnlyDictionary<string, ScalarType> Types)
{
    /// <summary>Whether plain weights are used in the mapped files, without a copy in memory.</summary>
    public bool IsMapped { get; init; } = true;

    /// <summary>Creates a description without weight files.</summary>
    public ModelDescription(JsonElement config) : this(config, ConfiguredType(config), new Dictionary<string, ScalarType>()) { }

    /// <summary>Describes a recipe's model; only the headers of weight files are read.</summary>
    /// <exception cref="InputException">The model has no configuration.</exception>
    public static ModelDescription Of(ModelSpec model)
    {
        if (model.Init is { } init)
            return new(ModelFolder.ReadObject(init), ScalarType.Float32, new Dictionary<string, ScalarType>())
            {
                IsMapped = false,
            };
        var config = Path.Combine(model.Folder!, "config.json");
        ModelFolder folder;
        try
        {
            folder = ModelFolder.Open(model.Folder!);
        }
        catch (InputException) when (File.Exists(config)) // some or all weights are missing
        {
            return new(ModelFolder.ReadObject(config));
        }
        catch (InputException) when (Directory.Exists(model.Path))
        {
            throw new InputException($"{model.Path}: config.json is missing; it is required for an estimate.");
        }
        using (folder)
            return new(ModelFamilies.ConfigurationOf(folder), ConfiguredType(folder.Config),
                folder.Entries.ToDictionary(entry => entry.Key, entry => entry.Value.DType))
            {
                IsMapped = !folder.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase),
            };
    }

    /// <summary>The type of a weight in memory unless it is quantized.</summary>
    /// <param name="name">Its name in the model.</param>
    /// <param name="dimensions">Its number of dimensions: vectors are fp32.</param>
    public ScalarType TypeOf(string name, int dimensions) =>
        dimensions < 2 ? ScalarType.Float32 : Stored(name) is { } type && !IsCode(type) ? type : Type;

    /// <summary>The stored quantization of a linear layer's weight; null for none.</summary>
    public QuantizationOptions? QuantizationOf(string name) =>
        Types.Count == 0 || Stored(name) is { } type && IsCode(type) ? BitsAndBytesFormat.ConfigOf(Config) : null;

    private ScalarType? Stored(string name) =>
        WeightNames.Find(name, Types.ContainsKey) is { } stored ? Types[stored] : null;

    private static bool IsCode(ScalarType type) => type is ScalarType.Byte or ScalarType.Int8;

    private static ScalarType ConfiguredType(JsonElement config)
    {
        foreach (var key in (string[])["dtype", "torch_dtype"])
            if (config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String)
                return value.GetString() switch
                {
                    "bfloat16" => ScalarType.BFloat16, "float16" => ScalarType.Float16, _ => ScalarType.Float32,
                };
        return ScalarType.Float32;
    }
}
