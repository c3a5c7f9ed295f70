using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Qwen2 and Qwen2.5 (Yang et al., 2024): LLaMA with biases on queries, keys and values; the upper layers have a sliding window
/// if configured.
/// </summary>
public sealed class Qwen2 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b);
        var windows = Windows(c, parts.Sizes.Layers);
        return parts.Model("qwen2", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias: true) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }

    /// <summary>
    /// The sliding window of each layer of a Qwen model, null for full attention: off by default, and from layer
    /// <c>max_window_layers</c> on if enabled.
    /// </summary>
    internal static IReadOnlyList<int?> Windows(ModelConfig c, int layers)
    {
        var first = c.Int("max_window_layers", 28, least: 0);
        var windows = c.Windows(layers, i => i >= first);
        return c.Flag("use_sliding_window") ? windows : [.. windows.Select(_ => (int?)null)];
    }
}

/// <summary>Qwen3 (Yang et al., 2025): LLaMA with an RMS norm over each head of queries and keys.</summary>
public sealed class Qwen3 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen3"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b);
        var (windows, bias) = (Qwen2.Windows(c, parts.Sizes.Layers), c.Flag("attention_bias"));
        return parts.Model("qwen3", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.WithHeadNorms(parts.Attention(i, bias, bias)) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }
}
