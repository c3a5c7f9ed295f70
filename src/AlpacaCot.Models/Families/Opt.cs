using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// OPT (Zhang et al., 2022): learned positions that count real tokens, after two unused rows; layer norms before each branch
/// (after it in the 350M model); ReLU. Embeddings narrower than the model are projected to its width and back.
/// </summary>
public sealed class Opt : IModelFamily
{
    private const int Unused = 2;

    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["opt"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("layer_norm_elementwise_affine", "true");
        const string model = "model.decoder";
        var (hidden, heads) = (c.Int("hidden_size"), c.Int("num_attention_heads"));
        var sizes = new DecoderSizes(c.Int("vocab_size"), hidden, c.Int("ffn_dim"), c.Int("num_hidden_layers"), heads, heads,
            hidden / heads, c.Int("max_position_embeddings", 2048));
        var (first, bias) = (c.Flag("do_layer_norm_before", true), c.Flag("enable_bias", true));
        var width = c.Int("word_embed_proj_dim", hidden);
        var activation = Activations.Named(c.Text("activation_function", "relu"));
        var embedding = b.Embedding($"{model}.embed_tokens", sizes.Vocabulary, width);
        var positions = b.Embedding($"{model}.embed_positions", sizes.MaxPositions + Unused, hidden);
        var widen = width == hidden ? null : b.Linear($"{model}.project_in", width, hidden);
        return new Decoder(b, sizes.Shape("opt") with { HasPositionTable = true })
        {
            EmbedWith = (input, pass) =>
            {
                var x = embedding.Forward(input.Ids, pass);
                return (widen?.Forward(x, pass) ?? x).Plus(positions.Rows(PositionIds(input) + Number(Unused)));
            },
            Blocks = sizes.Each(i => Block($"{model}.layers.{i}", i)),
            Norm = new Last(
                first && !c.Flag("_remove_final_layer_norm") ? b.LayerNorm($"{model}.final_layer_norm", hidden, 1e-5) : null,
                width == hidden ? null : b.Linear($"{model}.project_out", hidden, width)),
            Output = b.Head("lm_head", embedding, width, sizes.Vocabulary, c.Flag("tie_word_embeddings", true)),
        };

        IBlock Block(string at, int layer)
        {
            var attention = new SelfAttention(layer, heads, heads, sizes.HeadDimension,
                Projections.Separate(
                    b.Linear($"{at}.self_attn.q_proj", hidden, hidden, bias),
                    b.Linear($"{at}.self_attn.k_proj", hidden, hidden, bias),
                    b.Linear($"{at}.self_attn.v_proj", hidden, hidden, bias)),
                b.Linear($"{at}.self_attn.out_proj", hidden, hidden, bias));
            var norm = b.LayerNorm($"{at}.self_attn_layer_norm", hidden, 1e-5);
            var innerNorm = b.LayerNorm($"{at}.final_layer_norm", hidden, 1e-5);
            var inner = new FeedForward(
                b.Linear($"{at}.fc1", hidden, sizes.Inner, bias), activation, b.Linear($"{at}.fc2", sizes.Inner, hidden, bias));
            return first
                ? new PreNormBlock(norm, attention, innerNorm, inner)
                : new PostNormBlock(attention, norm, inner, innerNorm);
        }
    }

    // Padding has position -1, the row before the first position.
    private static Tensor PositionIds(ModelInput input)
    {
        if (input.Positions is not null || input.Present is null) return input.PositionsOrPlaces();
        var counted = (input.Present.to(ScalarType.Int64).cumsum(1) - Number(1)).masked_fill(input.Present.logical_not(),
            Number(-1));
        return counted.narrow(1, counted.shape[1] - input.Ids.shape[1], input.Ids.shape[1]);
    }

    private sealed record PostNormBlock(SelfAttention Attention, ILayer AttentionNorm, ILayer Inner, ILayer InnerNorm) : IBlock
    {
        public Tensor Forward(Tensor x, ForwardPass pass)
        {
            x = AttentionNorm.Forward(x.Plus(Attention.Forward(x, pass)), pass);
            return InnerNorm.Forward(x.Plus(Inner.Forward(x, pass)), pass);
        }
    }

    private sealed record Last(LayerNorm? Norm, Linear? Narrow) : ILayer
    {
        public Tensor Forward(Tensor x, ForwardPass pass)
        {
            x = Norm?.Forward(x, pass) ?? x;
            return Narrow?.Forward(x, pass) ?? x;
        }
    }
}
