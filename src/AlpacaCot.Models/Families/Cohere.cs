using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Command R (Cohere, 2024) and Command R7B, <c>cohere2</c>: attention and feed-forward in parallel after one layer norm without
/// bias, interleaved rotary positions, scaled logits. In <c>cohere2</c> three of four layers have a sliding window, and only
/// these have positions.
/// </summary>
public sealed class Cohere : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["cohere", "cohere2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        string[] always = ["use_gated_activation", "use_parallel_block", "use_embedding_sharing"];
        foreach (var key in always) c.Require(key, "true");
        c.Require("position_embedding_type", "rope_gptj");
        c.Require("order_of_interleaved_layers", "local_attn_first");
        c.Require("rotary_pct", "1.0");
        var (epsilon, factor) = (c.Number("layer_norm_eps", 1e-5), c.Number("logit_scale", 0.0625));
        var rope = b.Rope(c.Rope(), c.Sizes().HeadDimension, interleaved: true);
        var parts = new LlamaParts(c, b, rope)
        {
            NormOf = (name, width) => b.LayerNorm(name, width, epsilon, bias: false),
            Tied = true,
            Finish = logits => logits * Number(factor),
        };
        var (bias, headNorms, second) = (c.Flag("attention_bias"), c.Flag("use_qk_norm"), c.ModelType == "cohere2");
        var pattern = second ? c.Int(c.Either("sliding_window_pattern", "layer_switch"), 4) : 1;
        var windows = second ? c.Windows(parts.Sizes.Layers, i => (i + 1) % pattern != 0) : new int?[parts.Sizes.Layers];
        return parts.Model(c.ModelType!, i =>
        {
            var norm = parts.Norm(i, "input_layernorm");
            var attention = parts.Attention(i, bias, bias) with { Window = windows[i] };
            if (second && windows[i] is null) attention = attention with { Rope = null };
            if (headNorms)
                attention = attention with
                {
                    Norms = (HeadNorm($"model.layers.{i}.self_attn.q_norm", parts.Sizes.Heads),
                        HeadNorm($"model.layers.{i}.self_attn.k_norm", parts.Sizes.KeyValueHeads)),
                };
            return new ParallelBlock(norm, attention, norm, parts.FeedForward(i));
        });

        Func<Tensor, ForwardPass, Tensor> HeadNorm(string name, int heads)
        {
            var gain = b.Parameter($"{name}.weight", heads, parts.Sizes.HeadDimension);
            b.Slots[$"{name}.weight"] = ParameterSlot.Of(() => gain, own => gain = own);
            // [b, s, h, d] · [h, d]
            return Heads.Each(heads, (x, _) => LayerNorm.Normalize(x, epsilon) * gain.to(ScalarType.Float32));
        }
    }
}
