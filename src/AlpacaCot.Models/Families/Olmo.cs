using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// OLMo (Groeneveld et al., 2024): LLaMA with layer norms without weights. OLMo 2 (OLMo et al., 2024): RMS norms after each
/// branch, and over all queries and all keys.
/// </summary>
public sealed class Olmo : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["olmo", "olmo2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var bias = c.Flag("attention_bias");
        if (c.ModelType == "olmo")
        {
            var plain = new LlamaParts(c, b) { NormOf = (_, _) => new Plain() };
            return plain.Model("olmo", i => new PreNormBlock(
                plain.Norm(i, ""), Clipped(c, plain.Attention(i, bias, bias)), plain.Norm(i, ""), plain.FeedForward(i)));
        }
        var parts = new LlamaParts(c, b);
        return parts.Model("olmo2", i => new SandwichBlock(
            null, WithNorms(parts.Attention(i, bias, bias)), parts.Norm(i, "post_attention_layernorm"),
            null, parts.FeedForward(i), parts.Norm(i, "post_feedforward_layernorm")));

        SelfAttention WithNorms(SelfAttention attention)
        {
            var at = $"model.layers.{attention.Layer}.self_attn";
            var query = parts.NormOf($"{at}.q_norm", parts.Sizes.QueryWidth);
            var key = parts.NormOf($"{at}.k_norm", parts.Sizes.KeyWidth);
            return attention with { Norms = (query.Forward, key.Forward) };
        }
    }

    // OLMo 1.7 clamps queries, keys and values to ± clip_qkv.
    private static SelfAttention Clipped(ModelConfig c, SelfAttention attention)
    {
        if (!c.Has("clip_qkv")) return attention;
        var (bound, project) = (c.Number("clip_qkv", 0), attention.Project);
        return attention with
        {
            Project = (x, pass) =>
            {
                var (q, k, v) = project(x, pass);
                return (q.clamp(Number(-bound), Number(bound)), k.clamp(Number(-bound), Number(bound)),
                    v.clamp(Number(-bound), Number(bound)));
            },
        };
    }

    private sealed class Plain : ILayer
    {
        public Tensor Forward(Tensor x, ForwardPass pass) => LayerNorm.Normalize(x, 1e-5);
    }
}
