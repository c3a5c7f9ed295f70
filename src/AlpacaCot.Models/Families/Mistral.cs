using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>Mistral (Jiang et al., 2023): LLaMA with sliding-window attention.</summary>
public sealed class Mistral : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["mistral"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = new LlamaParts(c, b);
        var windows = c.Windows(parts.Sizes.Layers, _ => true);
        return parts.Model("mistral", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }
}

/// <summary>
/// Mixtral (Jiang et al., 2024): Mistral with a mixture of eight experts instead of the feed-forward, two per token.
/// </summary>
public sealed class Mixtral : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["mixtral"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        var parts = new LlamaParts(c, b);
        var (sizes, windows) = (parts.Sizes, c.Windows(parts.Sizes.Layers, _ => true));
        var (experts, chosen) = (c.Int("num_local_experts", 8), c.Int("num_experts_per_tok", 2));
        return parts.Model("mixtral", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"), Mixture($"model.layers.{i}.block_sparse_moe")));

        ILayer Mixture(string at) => new Experts(
            b.Linear($"{at}.gate", sizes.Hidden, experts),
            [.. Enumerable.Range(0, experts).Select(e => Expert($"{at}.experts.{e}"))], chosen, Normalized: true);

        ILayer Expert(string at) => new GatedFeedForward(
            b.Linear($"{at}.w1", sizes.Hidden, sizes.Inner), b.Linear($"{at}.w3", sizes.Hidden, sizes.Inner), Activations.SwiGlu,
            b.Linear($"{at}.w2", sizes.Inner, sizes.Hidden));
    }
}
