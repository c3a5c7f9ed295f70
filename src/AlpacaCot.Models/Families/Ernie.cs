using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>ERNIE 4.5, dense (Baidu, 2025): LLaMA with interleaved rotary positions.</summary>
public sealed class Ernie : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["ernie4_5"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b, b.Rope(c.Rope(500000), c.Sizes().HeadDimension, interleaved: true)) { Tied = true };
        var bias = c.Flag("use_bias");
        return parts.Model("ernie4_5", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias, bias),
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i, bias)));
    }
}
