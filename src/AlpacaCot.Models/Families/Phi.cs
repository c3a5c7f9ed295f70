using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Phi-1, 1.5 and 2 (Gunasekar et al., 2023; Li et al., 2023): attention and feed-forward in parallel after one layer norm,
/// rotary positions on part of each head, biases in all layers, the head included.
/// </summary>
public sealed class Phi : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["phi"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var (sizes, epsilon, headNorms) = (c.Sizes(), c.Number("layer_norm_eps", 1e-5), c.Flag("qk_layernorm"));
        var activation = Activations.Named(c.Text("hidden_act", "gelu_new"));
        var (rotary, hidden) = (c.Rope(), sizes.Hidden);
        if (!c.Has("partial_rotary_factor") && !c.Has("rope_parameters")) rotary = rotary with { Share = 0.5 }; // as published
        var rope = b.Rope(rotary, sizes.HeadDimension);
        var embedding = b.Embedding("model.embed_tokens", sizes.Vocabulary, hidden);
        var tied = c.Flag("tie_word_embeddings");
        return new Decoder(b, sizes.Shape("phi"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"model.layers.{i}", i)),
            Norm = b.LayerNorm("model.final_layernorm", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, tied,
                bias: !tied || b.Contains("lm_head.bias")),
        };

        IBlock Block(string at, int layer)
        {
            var norm = b.LayerNorm($"{at}.input_layernorm", hidden, epsilon);
            var attention = new SelfAttention(layer, sizes.Heads, sizes.KeyValueHeads, sizes.HeadDimension,
                Projections.Separate(
                    b.Linear($"{at}.self_attn.q_proj", hidden, sizes.QueryWidth, true),
                    b.Linear($"{at}.self_attn.k_proj", hidden, sizes.KeyWidth, true),
                    b.Linear($"{at}.self_attn.v_proj", hidden, sizes.KeyWidth, true)),
                b.Linear($"{at}.self_attn.dense", sizes.QueryWidth, hidden, true))
            {
                Rope = rope,
                Norms = headNorms ? (HeadNorm($"{at}.self_attn.q_layernorm", sizes.Heads),
                    HeadNorm($"{at}.self_attn.k_layernorm", sizes.KeyValueHeads)) : null,
            };
            return new ParallelBlock(norm, attention, norm, new FeedForward(
                b.Linear($"{at}.mlp.fc1", hidden, sizes.Inner, true), activation,
                b.Linear($"{at}.mlp.fc2", sizes.Inner, hidden, true)));
        }

        Func<Tensor, ForwardPass, Tensor> HeadNorm(string name, int heads) =>
            Heads.Each(heads, b.LayerNorm(name, sizes.HeadDimension, epsilon).Forward);
    }
}

/// <summary>
/// Phi-3 and Phi-4 (Abdin et al., 2024): LLaMA with one fused matrix for queries, keys and values and one for gate and up; rotary
/// frequencies may be scaled individually (longrope).
/// </summary>
public sealed class Phi3 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["phi3"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        foreach (var key in (string[])["full_attn_mod", "interpolate_factor"]) c.Require(key, "1"); // Phi-4-mini only
        var parts = new LlamaParts(c, b);
        var (sizes, windows) = (parts.Sizes, c.Windows(parts.Sizes.Layers, _ => true));
        var unit = Activations.GatedBy(c.Text("hidden_act", "silu"));
        return parts.Model("phi3", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"),
            parts.Attention(i, Projections.Concatenated(
                b.Linear($"model.layers.{i}.self_attn.qkv_proj", sizes.Hidden, sizes.QueryWidth + 2 * sizes.KeyWidth),
                sizes.QueryWidth, sizes.KeyWidth)) with { Window = windows[i] },
            parts.Norm(i, "post_attention_layernorm"),
            new FusedGatedFeedForward(
                b.Linear($"model.layers.{i}.mlp.gate_up_proj", sizes.Hidden, 2 * sizes.Inner), unit,
                b.Linear($"model.layers.{i}.mlp.down_proj", sizes.Inner, sizes.Hidden))));
    }
}
