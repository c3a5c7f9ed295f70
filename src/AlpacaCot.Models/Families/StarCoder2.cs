using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// StarCoder 2 (Lozhkov et al., 2024): grouped-query attention with rotary positions and a sliding window, layer norms, an
/// ungated feed-forward, biases in all layers, a tied head.
/// </summary>
public sealed class StarCoder2 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["starcoder2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("norm_type", "layer_norm");
        c.Require("mlp_type", "default");
        c.Require("scale_attn_weights", "true");
        var (epsilon, bias) = (c.Number("norm_epsilon", 1e-5), c.Flag("use_bias", true));
        var activation = Activations.Named(c.Text("hidden_act", "gelu_pytorch_tanh"));
        var parts = new LlamaParts(c, b) { NormOf = (name, width) => b.LayerNorm(name, width, epsilon), Tied = true };
        var (sizes, windows) = (parts.Sizes, c.Windows(parts.Sizes.Layers, _ => true));
        return parts.Model("starcoder2", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias, bias) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"),
            new FeedForward(
                b.Linear($"model.layers.{i}.mlp.c_fc", sizes.Hidden, sizes.Inner, bias), activation,
                b.Linear($"model.layers.{i}.mlp.c_proj", sizes.Inner, sizes.Hidden, bias))));
    }
}
