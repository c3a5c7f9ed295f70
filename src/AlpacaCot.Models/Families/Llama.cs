using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// LLaMA 1, 2 and 3 (Touvron et al., 2023; Grattafiori et al., 2024): pre-norm blocks of grouped-query attention with rotary
/// positions and a SwiGLU feed-forward, RMS norms, biases only if configured.
/// </summary>
public sealed class Llama : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["llama"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        var parts = new LlamaParts(c, b);
        var (attentionBias, innerBias) = (c.Flag("attention_bias"), c.Flag("mlp_bias"));
        return parts.Model("llama", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, attentionBias, attentionBias),
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i, innerBias)));
    }
}
