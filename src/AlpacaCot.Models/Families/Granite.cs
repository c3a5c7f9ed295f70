using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Granite 3 (Granite Team, 2024): LLaMA with four fixed factors: on embeddings, attention logits, residual branches, and (as a
/// divisor) output logits.
/// </summary>
public sealed class Granite : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["granite"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var divisor = c.Number("logits_scaling", 1);
        var parts = new LlamaParts(c, b)
        {
            EmbeddingScale = c.Number("embedding_multiplier", 1),
            Finish = logits => logits / Number(divisor),
        };
        var (bias, innerBias) = (c.Flag("attention_bias"), c.Flag("mlp_bias"));
        var (scale, residual) = (c.Number("attention_multiplier", 1), c.Number("residual_multiplier", 1));
        return parts.Model("granite", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias, bias) with { Scale = scale },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i, innerBias)) { Residual = residual });
    }
}
