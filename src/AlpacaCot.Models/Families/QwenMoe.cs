using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Qwen2-MoE and Qwen3-MoE (Yang et al., 2024 and 2025): the dense models with a mixture of experts instead of the feed-forward.
/// Qwen2-MoE also has a shared expert that every token uses.
/// </summary>
public sealed class QwenMoe : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen2_moe", "qwen3_moe"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b);
        var (sizes, windows, third) = (parts.Sizes, Qwen2.Windows(c, parts.Sizes.Layers), c.ModelType == "qwen3_moe");
        var (bias, outputBias) = third ? (c.Flag("attention_bias"), c.Flag("attention_bias")) : (c.Flag("qkv_bias", true), false);
        var experts = c.Int(c.Either("num_experts", "num_local_experts"));
        var (chosen, inner) = (c.Int("num_experts_per_tok"), c.Int("moe_intermediate_size"));
        c.Int("num_local_experts", experts); // the newer name; some configurations have both
        var (normalized, step) = (c.Flag("norm_topk_prob"), c.Int("decoder_sparse_step", 1));
        var dense = c.Ints("mlp_only_layers").ToHashSet();
        return parts.Model(c.ModelType!, i =>
        {
            var norm = parts.Norm(i, "input_layernorm");
            var attention = parts.Attention(i, bias, outputBias) with { Window = windows[i] };
            return new PreNormBlock(norm, third ? parts.WithHeadNorms(attention) : attention,
                parts.Norm(i, "post_attention_layernorm"),
                dense.Contains(i) || (i + 1) % step != 0 ? parts.FeedForward(i) : Mixture($"model.layers.{i}.mlp"));
        });

        ILayer Mixture(string at) => new Experts(
            b.Linear($"{at}.gate", sizes.Hidden, experts),
            [.. Enumerable.Range(0, experts).Select(e => parts.FeedForward($"{at}.experts.{e}", inner))], chosen, normalized)
        {
            Shared = third ? null : new SharedExpert(
                b.Linear($"{at}.shared_expert_gate", sizes.Hidden, 1),
                parts.FeedForward($"{at}.shared_expert", c.Int("shared_expert_intermediate_size"))),
        };
    }
}
