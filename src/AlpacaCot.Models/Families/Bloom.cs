using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// BLOOM and BLOOMZ (Scao et al., 2022): ALiBi instead of positions, a layer norm directly after the embedding, GELU, biases in
/// all layers, and a tied head. The fused projection stores query, key and value head by head.
/// </summary>
public sealed class Bloom : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["bloom"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("apply_residual_connection_post_layernorm", "false");
        var (hidden, heads) = (c.Int(c.Either("hidden_size", "n_embed")), c.Int(c.Either("num_attention_heads", "n_head")));
        var layers = c.Int(c.Either("num_hidden_layers", "n_layer"));
        var sizes = new DecoderSizes(
            c.Int("vocab_size"), hidden, 4 * hidden, layers, heads, heads, hidden / heads, c.Int("seq_length", 2048));
        var epsilon = c.Number("layer_norm_epsilon", 1e-5);
        var alibi = new Alibi(heads);
        var embedding = b.Embedding("transformer.word_embeddings", sizes.Vocabulary, hidden);
        var first = b.LayerNorm("transformer.word_embeddings_layernorm", hidden, epsilon);
        return new Decoder(b, sizes.Shape("bloom"))
        {
            EmbedWith = (input, pass) => first.Forward(embedding.Forward(input.Ids, pass), pass),
            Blocks = sizes.Each(i => Block($"transformer.h.{i}", i)),
            Norm = b.LayerNorm("transformer.ln_f", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings", true)),
        };

        IBlock Block(string at, int layer) => new PreNormBlock(
            b.LayerNorm($"{at}.input_layernorm", hidden, epsilon),
            new SelfAttention(layer, heads, heads, sizes.HeadDimension,
                Projections.Grouped(
                    b.Linear($"{at}.self_attention.query_key_value", hidden, 3 * hidden, true), heads, sizes.HeadDimension),
                b.Linear($"{at}.self_attention.dense", hidden, hidden, true)) { Alibi = alibi },
            b.LayerNorm($"{at}.post_attention_layernorm", hidden, epsilon),
            new FeedForward(
                b.Linear($"{at}.mlp.dense_h_to_4h", hidden, sizes.Inner, true), Activations.GeluTanh,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, true)));
    }
}
