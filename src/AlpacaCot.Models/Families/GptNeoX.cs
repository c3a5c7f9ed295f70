using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// GPT-NeoX and Pythia (Black et al., 2022; Biderman et al., 2023): attention and feed-forward in parallel with separate layer
/// norms (sequential if configured), rotary positions on part of each head.
/// </summary>
public sealed class GptNeoX : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt_neox"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var (sizes, epsilon, bias) = (c.Sizes(), c.Number("layer_norm_eps", 1e-5), c.Flag("attention_bias", true));
        var (hidden, parallel) = (sizes.Hidden, c.Flag("use_parallel_residual", true));
        var activation = Activations.Named(c.Text("hidden_act", "gelu"));
        var rotary = c.Rope(c.Number("rotary_emb_base", 10000));
        if (!c.Has("rope_parameters")) rotary = rotary with { Share = c.Number("rotary_pct", 0.25) };
        var rope = b.Rope(rotary, sizes.HeadDimension);
        var embedding = b.Embedding("gpt_neox.embed_in", sizes.Vocabulary, hidden);
        return new Decoder(b, sizes.Shape("gpt_neox"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"gpt_neox.layers.{i}", i)),
            Norm = b.LayerNorm("gpt_neox.final_layer_norm", hidden, epsilon),
            Output = b.Head("embed_out", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings")),
        };

        IBlock Block(string at, int layer)
        {
            var attentionNorm = b.LayerNorm($"{at}.input_layernorm", hidden, epsilon);
            var attention = new SelfAttention(layer, sizes.Heads, sizes.Heads, sizes.HeadDimension,
                Projections.Grouped(
                    b.Linear($"{at}.attention.query_key_value", hidden, 3 * hidden, bias), sizes.Heads, sizes.HeadDimension),
                b.Linear($"{at}.attention.dense", hidden, hidden, bias)) { Rope = rope };
            var innerNorm = b.LayerNorm($"{at}.post_attention_layernorm", hidden, epsilon);
            var inner = new FeedForward(b.Linear($"{at}.mlp.dense_h_to_4h", hidden, sizes.Inner, true), activation,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, true));
            return parallel
                ? new ParallelBlock(attentionNorm, attention, innerNorm, inner)
                : new PreNormBlock(attentionNorm, attention, innerNorm, inner);
        }
    }
}
