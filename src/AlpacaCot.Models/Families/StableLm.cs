using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// StableLM (Bellagente et al., 2024): LLaMA with layer norms and rotary positions on a quarter of each head. Configurable:
/// biases on queries, keys and values, a norm for each of their heads, and attention and feed-forward in parallel after one norm.
/// </summary>
public sealed class StableLm : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["stablelm"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var epsilon = c.Number("layer_norm_eps", 1e-5);
        var rotary = c.Rope();
        if (!c.Has("partial_rotary_factor") && !c.Has("rope_parameters")) rotary = rotary with { Share = 0.25 }; // as published
        var parts = new LlamaParts(c, b, b.Rope(rotary, c.Sizes().HeadDimension))
        {
            NormOf = (name, width) => b.LayerNorm(name, width, epsilon),
        };
        var (bias, headNorms, parallel) = (c.Flag("use_qkv_bias"), c.Flag("qk_layernorm"), c.Flag("use_parallel_residual"));
        return parts.Model("stablelm", i =>
        {
            var norm = parts.Norm(i, "input_layernorm");
            var attention = parts.Attention(i, bias);
            if (headNorms)
                attention = attention with
                {
                    Norms = (HeadNorms($"model.layers.{i}.self_attn.q_layernorm", parts.Sizes.Heads),
                        HeadNorms($"model.layers.{i}.self_attn.k_layernorm", parts.Sizes.KeyValueHeads)),
                };
            return parallel
                ? new ParallelBlock(norm, attention, norm, parts.FeedForward(i))
                : new PreNormBlock(norm, attention, parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i));
        });

        Func<Tensor, ForwardPass, Tensor> HeadNorms(string name, int heads)
        {
            Tensor[] gains = [.. Enumerable.Range(0, heads)
                .Select(h => b.Vector($"{name}.norms.{h}.weight", parts.Sizes.HeadDimension))];
            foreach (var (h, _) in gains.Index())
                b.Slots[$"{name}.norms.{h}.weight"] = ParameterSlot.Of(() => gains[h], own => gains[h] = own);
            return Heads.Each(heads, (x, _) => LayerNorm.Normalize(x, epsilon) * stack(gains)); // [b, s, h, d] · [h, d]
        }
    }
}
