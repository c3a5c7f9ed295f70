using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// GLM and GLM-4 (Team GLM, 2024) in Hugging Face format: LLaMA's components with interleaved rotary positions on part of each
/// head and one fused matrix for gate and up. GLM-4-0414 also has norms after each branch.
/// </summary>
public sealed class Glm : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["glm", "glm4"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b, b.Rope(c.Rope(), c.Sizes().HeadDimension, interleaved: true));
        var (sizes, bias, unit) = (parts.Sizes, c.Flag("attention_bias"), Activations.GatedBy(c.Text("hidden_act", "silu")));
        if (c.ModelType == "glm")
            return parts.Model("glm", i => new PreNormBlock(
                parts.Norm(i, "input_layernorm"), parts.Attention(i, bias),
                parts.Norm(i, "post_attention_layernorm"), FeedForward($"model.layers.{i}.mlp")));
        return parts.Model("glm4", i => new SandwichBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias), parts.Norm(i, "post_self_attn_layernorm"),
            parts.Norm(i, "post_attention_layernorm"), FeedForward($"model.layers.{i}.mlp"),
            parts.Norm(i, "post_mlp_layernorm")));

        ILayer FeedForward(string at) => new FusedGatedFeedForward(
            b.Linear($"{at}.gate_up_proj", sizes.Hidden, 2 * sizes.Inner), unit,
            b.Linear($"{at}.down_proj", sizes.Inner, sizes.Hidden));
    }
}
