using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>
/// MOSS (Sun et al., 2024), with the structure of CodeGen (Nijkamp et al., 2023) and GPT-J (Wang and Komatsuzaki, 2021):
/// attention and feed-forward in parallel after one norm, interleaved rotary positions on the first <c>rotary_dim</c> dimensions
/// of each head, and a head with bias.
/// </summary>
public sealed class Moss : IModelFamily
{
    private const int Slices = 4; // the fused projection is stored in the tensor-parallel ranks of training

    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["moss", "codegen", "gptj"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("wbits", "32"); // the value of unquantized MOSS
        c.Require("scale_attn_weights", "true");
        c.Require("rotary", "true"); // GPT-J only
        var (hidden, heads) = (c.Int("n_embd"), c.Int("n_head"));
        var sizes = new DecoderSizes(c.Int("vocab_size"), hidden, c.Int("n_inner", 4 * hidden), c.Int("n_layer"), heads, heads,
            hidden / heads, c.Int("n_positions", 2048));
        var epsilon = c.Number("layer_norm_epsilon", 1e-5);
        var activation = Activations.Named(c.Text("activation_function", "gelu_new"));
        var share = (double)c.Int("rotary_dim", sizes.HeadDimension) / sizes.HeadDimension;
        var rope = b.Rope(new RopeSettings(10000, new RopeScaling(), share), sizes.HeadDimension, interleaved: true);
        var embedding = b.Embedding("transformer.wte", sizes.Vocabulary, hidden);
        var tied = c.Flag("tie_word_embeddings");
        return new Decoder(b, sizes.Shape(c.ModelType!))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"transformer.h.{i}", i)),
            Norm = b.LayerNorm("transformer.ln_f", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, tied,
                bias: !tied || b.Contains("lm_head.bias")),
        };

        IBlock Block(string at, int layer)
        {
            var norm = b.LayerNorm($"{at}.ln_1", hidden, epsilon);
            var attention = new SelfAttention(layer, heads, heads, sizes.HeadDimension, Projection($"{at}.attn"),
                b.Linear($"{at}.attn.out_proj", hidden, hidden)) { Rope = rope };
            return new ParallelBlock(norm, attention, norm, new FeedForward(
                b.Linear($"{at}.mlp.fc_in", hidden, sizes.Inner, true), activation,
                b.Linear($"{at}.mlp.fc_out", sizes.Inner, hidden, true)));
        }

        Projection Projection(string at) => c.ModelType == "gptj"
            ? Projections.Separate(b.Linear($"{at}.q_proj", hidden, hidden), b.Linear($"{at}.k_proj", hidden, hidden),
                b.Linear($"{at}.v_proj", hidden, hidden))
            : Sliced(b.Linear($"{at}.qkv_proj", hidden, 3 * hidden));
    }

    // The order within a slice is queries, values, keys.
    private static Projection Sliced(Linear fused) => (x, pass) =>
    {
        var (b, s) = (x.shape[0], x.shape[1]);
        var all = fused.Forward(x, pass).view(b, s, Slices, 3, -1);
        return (all.select(3, 0).reshape(b, s, -1), all.select(3, 2).reshape(b, s, -1), all.select(3, 1).reshape(b, s, -1));
    };
}
