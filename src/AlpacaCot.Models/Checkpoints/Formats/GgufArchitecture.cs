using AlpacaCot.Text;
using AlpacaCot.Text.Gguf;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>An architecture of llama.cpp with the layers of LLaMA.</summary>
/// <param name="Name">Its name in GGUF.</param>
/// <param name="ModelType">The <c>model_type</c> of its configuration.</param>
/// <param name="ClassName">The model class of transformers.</param>
/// <param name="RotatesPairs">Whether the rows of queries and keys are reordered, for rotary pairs of adjacent
/// dimensions.</param>
internal sealed record GgufArchitecture(string Name, string ModelType, string ClassName, bool RotatesPairs)
{
    /// <summary>The tensor that divides the rotary frequencies.</summary>
    public const string FrequencyFactors = "rope_freqs.weight";

    private static readonly GgufArchitecture[] All =
    [
        new("llama", "llama", "LlamaForCausalLM", true), new("qwen2", "qwen2", "Qwen2ForCausalLM", false),
        new("qwen3", "qwen3", "Qwen3ForCausalLM", false),
    ];

    /// <summary>The metadata keys that are read, or have no effect on the computation.</summary>
    public static IReadOnlySet<string> Settings { get; } = new HashSet<string>
    {
        "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.layer_norm_rms_epsilon", "attention.key_length", "attention.value_length",
        "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor", "rope.scale_linear",
        "rope.scaling.original_context_length", "rope.scaling.finetuned", "vocab_size", "tensor_data_layout",
    };

    /// <summary>The architecture of a file.</summary>
    /// <exception cref="InputException">The architecture is not supported.</exception>
    public static GgufArchitecture Of(GgufHeader header)
    {
        var name = header.Text("general.architecture");
        return All.FirstOrDefault(a => a.Name == name) ?? throw new InputException($"{header.Path}: its architecture is " +
            $"{name ?? "missing"}; supported are {string.Join(", ", All.Select(a => a.Name))}.");
    }

    /// <summary>The GGUF architecture for a model type.</summary>
    /// <exception cref="InputException">The model type has no GGUF architecture.</exception>
    public static GgufArchitecture ForModelType(string? type) =>
        All.FirstOrDefault(a => a.ModelType == (type == "mistral" ? "llama" : type))
            ?? throw new InputException(
                $"model_type '{type}' cannot be written as GGUF; supported are " +
                    $"{string.Join(", ", All.Select(a => a.ModelType))} " +
                "and mistral are. --format hf supports every family.");
}
