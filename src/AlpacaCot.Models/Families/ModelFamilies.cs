using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>The registry of model families, and the construction of a model from its configuration.</summary>
public static class ModelFamilies
{
    /// <summary>Every family. Adding a family takes one file and one entry here.</summary>
    public static IReadOnlyList<IModelFamily> All { get; } =
    [
        new Llama(), new Bloom(), new ChatGlm(), new Glm(), new Moss(), new Baichuan(), new InternLm(), new InternLm2(),
        new Qwen(), new Qwen2(), new Qwen3(), new QwenMoe(), new Mistral(), new Mixtral(), new Gemma(), new Gemma2(),
        new Gemma3(), new Phi(), new Phi3(), new Gpt2(), new GptNeoX(), new Falcon(), new Opt(), new Olmo(), new StableLm(),
        new StarCoder2(), new Granite(), new Cohere(), new SmolLm3(), new Ernie(),
    ];

    /// <summary>The number of parameters from which a model counts as large.</summary>
    private const long LargeModel = 500_000_000;

    /// <summary>A folder's configuration, corrected where it ties a head that is stored and differs from the embedding.</summary>
    /// <exception cref="InputException">The configuration is not supported, or a tensor has no use in its model.</exception>
    public static JsonElement ConfigurationOf(ModelFolder folder)
    {
        using var model = Build(folder.Config, new ShapeWeights(described: new CheckpointWeights(folder)));
        var config = JsonObject.Create(folder.Config)!;
        return model.Tie.Write(config, model.IsHeadTied) ? JsonSerializer.SerializeToElement(config) : folder.Config;
    }

    /// <summary>Builds the model that a configuration describes.</summary>
    /// <param name="config">The content of <c>config.json</c>.</param>
    /// <param name="weights">The source of the weights.</param>
    /// <param name="storage">The storage type of matrices; null: as stored.</param>
    /// <param name="quantization">The quantization of linear layers; null: as stored.</param>
    /// <param name="compute">The device and numeric type of the computation; null: fp32 on the CPU.</param>
    /// <exception cref="InputException">
    /// The model type is unknown, a field is not supported, or the weights do not match.
    /// </exception>
    public static CausalModel Build(
        JsonElement config, IWeightSource weights, ScalarType? storage = null, QuantizationOptions? quantization = null,
        Compute? compute = null)
    {
        Libtorch.EnsureLoaded();
        compute?.Check();
        // A field of another kind than the family reads.
        return InputBoundary.Read("config.json", () => BuildFamily(config, weights, storage, quantization, compute));
    }

    private static CausalModel BuildFamily(
        JsonElement config, IWeightSource weights, ScalarType? storage, QuantizationOptions? quantization, Compute? compute)
    {
        var type = new ModelConfig(config).ModelType;
        var family = All.FirstOrDefault(f => f.ModelTypes.Contains(type))
            ?? throw new InputException($"config.json: model_type '{type}' is not supported; supported are " +
                string.Join(", ", All.SelectMany(f => f.ModelTypes)) + ".");
        using var scope = NewDisposeScope(); // frees the temporaries of the construction
        using var noGrad = no_grad();
        var settings = new ModelConfig(config);
        if (settings.Has("quantization_config") && BitsAndBytesFormat.ConfigOf(config) is { } stored && quantization is not null)
            throw new InputException(
                $"The model's weights are already quantized ({stored.Name}); load them without a quantization option.");
        var builder = new ModelBuilder(weights, storage, quantization, compute);
        var model = family.Build(settings, builder);
        try
        {
            model.Notes = [.. builder.Tie.Note is { } note ? (string[])[note] : [], .. UnusedTensors.Refuse(builder, settings)];
            settings.RefuseUnread();
            // Mapping each large block separately costs time that is only recovered on large models.
            if (!TensorArena.Install() && model.ParameterCount >= LargeModel) Platform.MapLargeBlocks();
            TensorArena.Release();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
