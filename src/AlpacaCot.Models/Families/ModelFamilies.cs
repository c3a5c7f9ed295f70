using System.Text.Json;
using AlpacaCot.Models.Checkpoints.Formats;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>The families this build knows, and the way from a folder to a model.</summary>
public static class ModelFamilies
{
    /// <summary>Every family. A new one is one file and one line here.</summary>
    public static IReadOnlyList<IModelFamily> All { get; } =
    [
        new Llama(), new Bloom(), new ChatGlm(), new Glm(), new Moss(), new Baichuan(), new InternLm(), new InternLm2(),
        new Qwen(), new Qwen2(), new Qwen3(), new QwenMoe(), new Mistral(), new Mixtral(), new Gemma(), new Gemma2(),
        new Gemma3(), new Phi(), new Phi3(), new Gpt2(), new GptNeoX(), new Falcon(), new Opt(), new Olmo(), new StableLm(),
        new StarCoder2(), new Granite(), new Cohere(), new SmolLm3(), new Ernie(),
    ];

    /// <summary>Parameters from which on a model counts as large.</summary>
    private const long LargeModel = 500_000_000;

    /// <summary>Builds the model that a configuration describes.</summary>
    /// <param name="config">The content of <c>config.json</c>.</param>
    /// <param name="weights">Where the weights come from.</param>
    /// <param name="storage">The type matrices are kept in; null: as stored.</param>
    /// <param name="quantization">How linear layers are kept; null: as stored.</param>
    /// <param name="compute">Where the model computes; null: on the CPU.</param>
    /// <exception cref="InputException">The model type is unknown, or the weights do not fit.</exception>
    public static CausalModel Build(
        JsonElement config, IWeightSource weights, ScalarType? storage = null, QuantizationOptions? quantization = null,
        Compute? compute = null)
    {
        Libtorch.EnsureLoaded();
        compute?.Check();
        var type = config.TryGetProperty("model_type", out var value) ? value.GetString() : null;
        var family = All.FirstOrDefault(f => f.ModelTypes.Contains(type))
            ?? throw new InputException($"config.json: model_type '{type}' is not supported; supported are " +
                string.Join(", ", All.SelectMany(f => f.ModelTypes)) + ".");
        using var scope = NewDisposeScope(); // what construction leaves behind
        using var noGrad = no_grad();
        var read = new ModelConfig(config);
        if (read.Has("quantization_config") && BitsAndBytesFormat.ConfigOf(config) is { } stored && quantization is not null)
            throw new InputException($"The model's weights are quantized already ({stored.Name}); load them as they are.");
        var model = family.Build(read, new ModelBuilder(weights, storage, quantization, compute));
        try
        {
            read.RefuseUnread();
            // The new mapping of each block costs time that only work on large ones outweighs.
            if (model.ParameterCount >= LargeModel) Platform.MapLargeBlocks();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
