using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// InternLM (InternLM Team, 2023): LLaMA with attention biases and a rotary base that grows with the sequence beyond the trained
/// length (dynamic NTK).
/// </summary>
public sealed class InternLm : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["internlm"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        var bias = c.Flag("bias", true);
        var parts = new LlamaParts(c, b, b.Rope(Rotary(c), c.Sizes().HeadDimension));
        return parts.Model("internlm", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias, bias),
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }

    private static RopeSettings Rotary(ModelConfig c)
    {
        if (!c.Has("rotary")) return c.Rope();
        var rotary = c.Section("rotary");
        var type = rotary.Text("type", "dynamic");
        return new RopeSettings(rotary.Number("base", 10000), new RopeScaling
        {
            Type = type == "origin" ? "default" : type,
            Factor = rotary.Number("scaling_factor", 1),
            OriginalLength = c.Int("max_position_embeddings", 2048),
        });
    }
}

/// <summary>
/// InternLM2 (Cai et al., 2024): LLaMA with a fused matrix that stores, per group, its queries, its key and its value.
/// </summary>
public sealed class InternLm2 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["internlm2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        var (sizes, epsilon, bias) = (c.Sizes(), c.Number("rms_norm_eps", 1e-6), c.Flag("bias"));
        var rope = b.Rope(c.Rope(), sizes.HeadDimension);
        var embedding = b.Embedding("model.tok_embeddings", sizes.Vocabulary, sizes.Hidden);
        return new Decoder(b, sizes.Shape("internlm2"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"model.layers.{i}", i)),
            Norm = b.RmsNorm("model.norm", sizes.Hidden, epsilon),
            Output = b.Head("output", embedding, sizes.Hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings")),
        };

        IBlock Block(string at, int layer) => new PreNormBlock(
            b.RmsNorm($"{at}.attention_norm", sizes.Hidden, epsilon),
            new SelfAttention(layer, sizes.Heads, sizes.KeyValueHeads, sizes.HeadDimension,
                Projections.Grouped(b.Linear($"{at}.attention.wqkv", sizes.Hidden, sizes.QueryWidth + 2 * sizes.KeyWidth, bias),
                    sizes.KeyValueHeads, sizes.HeadDimension),
                b.Linear($"{at}.attention.wo", sizes.QueryWidth, sizes.Hidden, bias)) { Rope = rope },
            b.RmsNorm($"{at}.ffn_norm", sizes.Hidden, epsilon),
            new GatedFeedForward(
                b.Linear($"{at}.feed_forward.w1", sizes.Hidden, sizes.Inner),
                b.Linear($"{at}.feed_forward.w3", sizes.Hidden, sizes.Inner), Activations.SwiGlu,
                b.Linear($"{at}.feed_forward.w2", sizes.Inner, sizes.Hidden)));
    }
}
