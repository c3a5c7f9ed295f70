using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;

namespace AlpacaCot.Models.Families;

/// <summary>
/// GPT-2 (Radford et al., 2019): learned positions, layer norms before each branch, GELU, a tied head. Checkpoints store each
/// matrix as <c>[inputs, outputs]</c>.
/// </summary>
public sealed class Gpt2 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["gpt2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Flag("reorder_and_upcast_attn"); // no effect in fp32
        var (hidden, heads) = (c.Int("n_embd"), c.Int("n_head"));
        var sizes = new DecoderSizes(c.Int("vocab_size"), hidden, c.Int("n_inner", 4 * hidden), c.Int("n_layer"), heads, heads,
            hidden / heads, c.Int("n_positions", 1024));
        var epsilon = c.Number("layer_norm_epsilon", 1e-5);
        var activation = Activations.Named(c.Text("activation_function", "gelu_new"));
        var (scaled, scaledByLayer) = (c.Flag("scale_attn_weights", true), c.Flag("scale_attn_by_inverse_layer_idx"));
        var embedding = b.Embedding("transformer.wte", sizes.Vocabulary, hidden);
        var positions = b.Embedding("transformer.wpe", sizes.MaxPositions, hidden);
        return new Decoder(b, sizes.Shape("gpt2") with { HasPositionTable = true })
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass).Plus(positions.Rows(input.PositionsOrPlaces())),
            Blocks = sizes.Each(i => Block($"transformer.h.{i}", i)),
            Norm = b.LayerNorm("transformer.ln_f", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings", true)),
        };

        IBlock Block(string at, int layer) => new PreNormBlock(
            b.LayerNorm($"{at}.ln_1", hidden, epsilon),
            new SelfAttention(layer, heads, heads, sizes.HeadDimension,
                Projections.Concatenated(b.InputsFirst($"{at}.attn.c_attn", hidden, 3 * hidden), hidden, hidden),
                b.InputsFirst($"{at}.attn.c_proj", hidden, hidden)) { Scale = Scale(layer) },
            b.LayerNorm($"{at}.ln_2", hidden, epsilon),
            new FeedForward(
                b.InputsFirst($"{at}.mlp.c_fc", hidden, sizes.Inner), activation,
                b.InputsFirst($"{at}.mlp.c_proj", sizes.Inner, hidden)));

        double? Scale(int layer) => scaled && !scaledByLayer ? null
            : (scaled ? 1 / Math.Sqrt(sizes.HeadDimension) : 1) / (scaledByLayer ? layer + 1 : 1);
    }
}
