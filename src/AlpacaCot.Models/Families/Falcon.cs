using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Falcon (Almazrouei et al., 2023). 7B: multi-query attention, with attention and feed-forward in parallel after one layer norm.
/// 40B: grouped-query attention and two norms. RefinedWeb models: ALiBi and sequential branches.
/// </summary>
public sealed class Falcon : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["falcon", "RefinedWeb", "RefinedWebModel"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var (hidden, heads) = (c.Int("hidden_size"), c.Int(c.Either("num_attention_heads", "n_head")));
        var grouped = c.Flag("new_decoder_architecture", c.ModelType == "RefinedWeb");
        var parallel = c.Flag("parallel_attn", true);
        var configured = c.Int(c.Either("num_kv_heads", "n_head_kv"), heads);
        var groups = c.Flag("multi_query", true) && !grouped ? 1 : configured;
        var sizes = new DecoderSizes(
            c.Int("vocab_size"), hidden, c.Int("ffn_hidden_size", 4 * hidden), c.Int(c.Either("num_hidden_layers", "n_layer")),
            heads, groups, hidden / heads, c.Int("max_position_embeddings", 2048));
        var (epsilon, bias) = (c.Number("layer_norm_epsilon", 1e-5), c.Flag("bias"));
        var fused = sizes.QueryWidth + 2 * sizes.KeyWidth;
        var activation = Activations.Named(c.Text("activation", "gelu"));
        var separateNorms = grouped && c.Int("num_ln_in_parallel_attn", 2) == 2;
        var rope = b.Rope(c.Rope(), sizes.HeadDimension);
        // The ALiBi biases are added before the logits are divided by √d.
        var alibi = c.Flag("alibi") ? new Alibi(heads, 1 / Math.Sqrt(sizes.HeadDimension)) : null;
        var embedding = b.Embedding("transformer.word_embeddings", sizes.Vocabulary, hidden);
        return new Decoder(b, sizes.Shape("falcon"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"transformer.h.{i}", i)),
            Norm = b.LayerNorm("transformer.ln_f", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings", true)),
        };

        IBlock Block(string at, int layer)
        {
            var norm = b.LayerNorm(separateNorms ? $"{at}.ln_attn" : $"{at}.input_layernorm", hidden, epsilon);
            var attention = new SelfAttention(layer, heads, groups, sizes.HeadDimension,
                Projections.Grouped(
                    b.Linear($"{at}.self_attention.query_key_value", hidden, fused, bias), groups, sizes.HeadDimension),
                b.Linear($"{at}.self_attention.dense", hidden, hidden, bias))
            {
                Rope = alibi is null ? rope : null, Alibi = alibi,
            };
            var innerNorm = separateNorms ? b.LayerNorm($"{at}.ln_mlp", hidden, epsilon)
                : parallel || grouped ? norm : b.LayerNorm($"{at}.post_attention_layernorm", hidden, epsilon);
            var inner = new FeedForward(b.Linear($"{at}.mlp.dense_h_to_4h", hidden, sizes.Inner, bias), activation,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, bias));
            return parallel || grouped
                ? new ParallelBlock(norm, attention, innerNorm, inner)
                : new PreNormBlock(norm, attention, innerNorm, inner);
        }
    }
}
