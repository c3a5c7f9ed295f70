using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// SmolLM3 (Bakouch et al., 2025): LLaMA without positions in every fourth layer (which has a sliding window if configured).
/// </summary>
public sealed class SmolLm3 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["smollm3"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b, b.Rope(c.Rope(2e6), c.Sizes().HeadDimension)) { Tied = true };
        var (layers, every, flags) = (parts.Sizes.Layers, c.Int("no_rope_layer_interval", 4), c.Ints("no_rope_layers"));
        bool[] usesRope = [.. Enumerable.Range(0, layers)
            .Select(i => flags.Count == 0 ? (i + 1) % every != 0 : flags[i] != 0)];
        var sliding = c.Windows(layers, i => !usesRope[i]);
        var (windows, bias, innerBias) = (c.Flag("use_sliding_window"), c.Flag("attention_bias"), c.Flag("mlp_bias"));
        return parts.Model("smollm3", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"),
            parts.Attention(i, bias, bias) with { Rope = usesRope[i] ? parts.Rope : null, Window = windows ? sliding[i] : null },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i, innerBias)));
    }
}
