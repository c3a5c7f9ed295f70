using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// ChatGLM2, ChatGLM3 and GLM-4 in their original format (Team GLM, 2024): causal pre-norm blocks, RMS norms, SwiGLU,
/// grouped-query attention, and interleaved rotary positions on the first half of each head. The long-context models multiply the
/// rotary base by <c>rope_ratio</c>.
/// </summary>
internal static class ChatGlm2
{
    public static CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        foreach (var key in (string[])["rmsnorm", "original_rope", "post_layer_norm"]) c.Require(key, "true");
        c.Require("apply_residual_connection_post_layernorm", "false");
        c.Flag("apply_query_key_layer_scaling"); // no effect: divides and multiplies by the same number
        var (hidden, heads) = (c.Int("hidden_size"), c.Int("num_attention_heads"));
        var groups = c.Flag("multi_query_attention") ? c.Int("multi_query_group_num", 1) : heads;
        var sizes = new DecoderSizes(
            c.Int("padded_vocab_size"), hidden, c.Int("ffn_hidden_size"), c.Int("num_layers"), heads, groups,
            c.Int("kv_channels", hidden / heads), c.Int("seq_length", 2048));
        c.Int("vocab_size", sizes.Vocabulary); // the tokenizer's size; the embedding has the padded size
        c.Int("num_key_value_heads", 0); // same as multi_query_group_num
        var (epsilon, bias) = (c.Number("layernorm_epsilon", 1e-5), c.Flag("add_bias_linear"));
        var (fused, fusedBias) = (sizes.QueryWidth + 2 * sizes.KeyWidth, bias || c.Flag("add_qkv_bias"));
        var rotary = new RopeSettings(10000 * c.Number("rope_ratio", 1), new RopeScaling(), Share: 0.5);
        var rope = b.Rope(rotary, sizes.HeadDimension, interleaved: true);
        var embedding = b.Embedding("transformer.embedding.word_embeddings", sizes.Vocabulary, hidden);
        return new Decoder(b, sizes.Shape("chatglm2"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"transformer.encoder.layers.{i}", i)),
            Norm = b.RmsNorm("transformer.encoder.final_layernorm", hidden, epsilon),
            Output = b.Head("transformer.output_layer", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings")),
        };

        IBlock Block(string at, int layer) => new PreNormBlock(
            b.RmsNorm($"{at}.input_layernorm", hidden, epsilon),
            new SelfAttention(layer, heads, groups, sizes.HeadDimension,
                Projections.Concatenated(
                    b.Linear($"{at}.self_attention.query_key_value", hidden, fused, fusedBias),
                    sizes.QueryWidth, sizes.KeyWidth),
                b.Linear($"{at}.self_attention.dense", sizes.QueryWidth, hidden, bias)) { Rope = rope },
            b.RmsNorm($"{at}.post_attention_layernorm", hidden, epsilon),
            new FusedGatedFeedForward(
                b.Linear($"{at}.mlp.dense_h_to_4h", hidden, 2 * sizes.Inner, bias), Activations.SwiGlu,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, bias)));
    }
}
