using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// ChatGLM-6B (Du et al., 2022; Zeng et al., 2023): the context has bidirectional attention and the answer causal attention; two
/// rows of rotary positions, each for one half of a head; post-norm residuals, <c>α · norm(x) + f(norm(x))</c>. ChatGLM2 and
/// ChatGLM3 share its <c>model_type</c>.
/// </summary>
public sealed class ChatGlm : IModelFamily
{
    // √(2 · 28): the published code uses the 28 layers of the 6B model regardless of the configuration.
    private static readonly double Alpha = Math.Sqrt(56);

    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["chatglm"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        if (c.Has("padded_vocab_size")) return ChatGlm2.Build(c, b);
        c.Require("position_encoding_2d", "true");
        var (hidden, heads) = (c.Int("hidden_size"), c.Int("num_attention_heads"));
        var sizes = new DecoderSizes(
            c.Int("vocab_size"), hidden, c.Int("inner_hidden_size", 4 * hidden), c.Int("num_layers"), heads, heads,
            hidden / heads, c.Int("max_sequence_length", 2048));
        var (epsilon, layout) = (c.Number("layernorm_epsilon", 1e-5), Layout(c));
        var rope = new Rope(sizes.HeadDimension / 2, 10000, new RopeScaling())
        {
            HalfFrequencies = true, Device = b.Compute.Device,
        };
        b.Tables.Add(rope);
        var embedding = b.Embedding("transformer.word_embeddings", sizes.Vocabulary, hidden);
        return new Decoder(b, sizes.Shape("chatglm"))
        {
            EmbedWith = (input, pass) =>
            {
                var shared = Views.Of(input, pass, layout, rope);
                pass.Share(shared, shared.Tensors);
                return embedding.Forward(input.Ids, pass);
            },
            Blocks = sizes.Each(i => new Block(b, sizes, i, epsilon)),
            Norm = b.LayerNorm("transformer.final_layernorm", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, tied: false),
            IsOneWay = false,
        };
    }

    /// <summary>
    /// The special tokens that determine masks and positions; the first release does not name them in its configuration.
    /// </summary>
    public static ChatGlmLayout Layout(ModelConfig c)
    {
        var start = c.Int("bos_token_id");
        return new ChatGlmLayout(c.Int("mask_token_id", start - 4), c.Int("gmask_token_id", start - 3), start)
        {
            StartKeepsPosition = !c.Has("gmask_token_id"),
        };
    }

    // Tensors shared by all blocks of a pass: rotary tables of both position rows, and the attention mask, [b, 1, s, s].
    private sealed record Views((Tensor Cos, Tensor Sin) Context, (Tensor Cos, Tensor Sin) Answer, Tensor? Visible)
    {
        public IReadOnlyList<Tensor> Tensors =>
            [Context.Cos, Context.Sin, Answer.Cos, Answer.Sin, .. Visible is null ? [] : new[] { Visible }];

        public static Views Of(ModelInput input, ForwardPass pass, ChatGlmLayout layout, Rope rope)
        {
            var (varlen, length) = (input.Varlen, input.Ids.shape[1]);
            // The model was always trained with the later layout; see StartKeepsPlace.
            var (positions, visible) = varlen is null
                ? (layout with { StartKeepsPosition = false }).Of(input.Ids,
                    input.Present?.narrow(1, input.Before, length)) // [b, 2, s], [b, 1, s, s]
                : (Positions(layout, varlen), null);
            if (visible is not null && input.Before > 0) // every query attends to the virtual tokens
            {
                long[] before = [visible.shape[0], 1, length, input.Before];
                visible = cat([Runtime.Tensors.Ones(before, ScalarType.Bool, visible.device), visible], 3);
            }
            var end = varlen?.End ?? length;
            return new Views(rope.Tables(positions.select(1, 0), end, mode: pass.Mode),
                rope.Tables(positions.select(1, 1), end + 1, mode: pass.Mode), visible);
        }

        // Both position rows of the new tokens of all sequences, [1, 2, n].
        private static Tensor Positions(ChatGlmLayout layout, VarlenBatch varlen)
        {
            var (all, at) = (new long[2 * varlen.Tokens], 0);
            foreach (var (cache, start) in varlen.Sequences)
            {
                cache.Context = layout.SetPositions(cache.AllIds, start, all.AsSpan(at), all.AsSpan(varlen.Tokens + at));
                at += cache.AllIds.Length - start;
            }
            return Runtime.Tensors.Of(all, [1, 2, varlen.Tokens], varlen.Positions.device);
        }
    }

    private sealed class Block : IBlock
    {
        private readonly int _layer, _heads;
        private readonly LayerNorm _attentionNorm, _innerNorm;
        private readonly Projection _project;
        private readonly Linear _output;
        private readonly FeedForward _inner;

        public Block(ModelBuilder b, DecoderSizes sizes, int layer, double epsilon)
        {
            (this._layer, _heads) = (layer, sizes.Heads);
            var (at, hidden) = ($"transformer.layers.{layer}", sizes.Hidden);
            _attentionNorm = b.LayerNorm($"{at}.input_layernorm", hidden, epsilon);
            _project = Projections.Grouped(
                b.Linear($"{at}.attention.query_key_value", hidden, 3 * hidden, true), _heads, sizes.HeadDimension);
            _output = b.Linear($"{at}.attention.dense", hidden, hidden, true);
            _innerNorm = b.LayerNorm($"{at}.post_attention_layernorm", hidden, epsilon);
            _inner = new FeedForward(b.Linear($"{at}.mlp.dense_h_to_4h", hidden, sizes.Inner, true), Activations.GeluTanh,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, true));
        }

        public Tensor Forward(Tensor x, ForwardPass pass)
        {
            x = _attentionNorm.Forward(x, pass);
            x = (Number(Alpha) * x).Plus(Attend(x, pass.Shared<Views>(), pass));
            x = _innerNorm.Forward(x, pass);
            return (Number(Alpha) * x).Plus(_inner.Forward(x, pass));
        }

        private Tensor Attend(Tensor x, Views views, ForwardPass pass)
        {
            var (q, k, v) = _project(x, pass); // [b, s, hidden]
            (q, k, v) = (Rotate(q, views), Rotate(k, views), Heads.Split(v, _heads)); // [b, h, s, d]
            if (pass.Varlen is { } varlen) return _output.Forward(varlen.Attend(_layer, q, k, v, new AttentionOptions()), pass);
            (k, v) = pass.WithPrefix(_layer, k, v); // [b, h, t, d]
            return _output.Forward(Heads.Join(Attention.Attend(q, k, v, views.Visible)), pass);
        }

        // One half of each head is rotated by the position in the context, the other by the position in the answer.
        private Tensor Rotate(Tensor x, Views views)
        {
            var (b, s) = (x.shape[0], x.shape[1]);
            var halves = x.view(b, s, _heads, 2, -1); // [b, s, h, 2, d/2]
            return cat([
                Rope.Rotate(halves.select(3, 0).reshape(b, s, -1), views.Context, _heads),
                Rope.Rotate(halves.select(3, 1).reshape(b, s, -1), views.Answer, _heads)], -1); // [b, h, s, d]
        }
    }
}
