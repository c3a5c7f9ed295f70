using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// ChatGLM-6B (Du et al., 2022; Zeng et al., 2023): a context that sees itself in both directions and an answer that sees what is
/// before it, two rows of rotary positions, each for one half of a head, and residuals of the post-norm kind,
/// <c>α · norm(x) + f(norm(x))</c>. Its successors under the same <c>model_type</c> are ChatGLM2 and ChatGLM3.
/// </summary>
public sealed class ChatGlm : IModelFamily
{
    // √(2 · 28): the published code takes the 28 layers of the 6B model whatever the configuration says.
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
        return new Model(b, sizes, Layout(c), c.Number("layernorm_epsilon", 1e-5));
    }

    /// <summary>The special tokens that masks and positions depend on; the first release does not name them.</summary>
    public static ChatGlmLayout Layout(ModelConfig c)
    {
        var start = c.Int("bos_token_id");
        return new ChatGlmLayout(c.Int("mask_token_id", start - 4), c.Int("gmask_token_id", start - 3), start)
        {
            StartKeepsPlace = !c.Has("gmask_token_id"),
        };
    }

    private sealed class Model : CausalModel
    {
        private readonly ChatGlmLayout layout;
        private readonly Embedding embedding;
        private readonly Block[] blocks;
        private readonly LayerNorm norm;
        private readonly Rope rope;

        public Model(ModelBuilder b, DecoderSizes sizes, ChatGlmLayout layout, double epsilon) : base(b, sizes.Shape("chatglm"))
        {
            this.layout = layout;
            rope = new Rope(sizes.HeadDimension / 2, 10000, new RopeScaling()) { HalfFrequencies = true };
            b.Tables.Add(rope);
            embedding = b.Embedding("transformer.word_embeddings", sizes.Vocabulary, sizes.Hidden);
            blocks = [.. Enumerable.Range(0, sizes.Layers).Select(i => new Block(b, sizes, i, epsilon))];
            norm = b.LayerNorm("transformer.final_layernorm", sizes.Hidden, epsilon);
            Head = b.Head("lm_head", embedding, sizes.Hidden, sizes.Vocabulary, tied: false);
        }

        public override Linear Head { get; }

        public override bool IsCausal => false;

        protected override Tensor Run(ModelInput input)
        {
            using var scope = NewDisposeScope();
            var (ragged, pass, length) = (input.Ragged, input.Pass(scope), input.Ids.shape[1]);
            // Training always used the later layout; see StartKeepsPlace.
            var (positions, visible) = ragged is null
                ? (layout with { StartKeepsPlace = false }).Of(input.Ids,
                    input.Present?.narrow(1, input.Before, length)) // [b, 2, s], [b, 1, s, s]
                : (Positions(ragged), null);
            if (visible is not null && input.Before > 0) // virtual tokens are seen by all
                visible = cat([ones([visible.shape[0], 1, length, input.Before], ScalarType.Bool), visible], 3);
            var end = ragged?.End ?? input.Ids.shape[1];
            var context = rope.Tables(positions.select(1, 0), end);
            var answer = rope.Tables(positions.select(1, 1), end + 1);
            var x = embedding.Forward(input.Ids); // [b, s, hidden]
            foreach (var block in blocks) x = pass.Scoped(() => block.Forward(x, context, answer, visible, pass));
            ragged?.Advance();
            // The backward pass reads them.
            if (is_grad_enabled()) scope.MoveToOuter([context.Cos, context.Sin, answer.Cos, answer.Sin, .. pass.Tables]);
            return norm.Forward(x).MoveToOuterDisposeScope();
        }

        // Both rows of positions of all sequences' new tokens, [1, 2, n].
        private Tensor Positions(RaggedBatch ragged)
        {
            var (all, at) = (new long[2 * ragged.Tokens], 0);
            foreach (var (cache, start) in ragged.Sequences)
            {
                cache.Context = layout.Place(cache.AllIds, start, all.AsSpan(at), all.AsSpan(ragged.Tokens + at));
                at += cache.AllIds.Length - start;
            }
            return tensor(all, [1, 2, ragged.Tokens]);
        }
    }

    private sealed class Block
    {
        private readonly int layer, heads;
        private readonly LayerNorm attentionNorm, innerNorm;
        private readonly Projection project;
        private readonly Linear output;
        private readonly FeedForward inner;

        public Block(ModelBuilder b, DecoderSizes sizes, int layer, double epsilon)
        {
            (this.layer, heads) = (layer, sizes.Heads);
            var (at, hidden) = ($"transformer.layers.{layer}", sizes.Hidden);
            attentionNorm = b.LayerNorm($"{at}.input_layernorm", hidden, epsilon);
            project = Projections.Grouped(
                b.Linear($"{at}.attention.query_key_value", hidden, 3 * hidden, true), heads, sizes.HeadDimension);
            output = b.Linear($"{at}.attention.dense", hidden, hidden, true);
            innerNorm = b.LayerNorm($"{at}.post_attention_layernorm", hidden, epsilon);
            inner = new FeedForward(b.Linear($"{at}.mlp.dense_h_to_4h", hidden, sizes.Inner, true), Activations.GeluTanh,
                b.Linear($"{at}.mlp.dense_4h_to_h", sizes.Inner, hidden, true));
        }

        public Tensor Forward(
            Tensor x, (Tensor, Tensor) context, (Tensor, Tensor) answer, Tensor? visible, Pass pass)
        {
            x = attentionNorm.Forward(x);
            x = (Number(Alpha) * x).Plus(Attend(x, context, answer, visible, pass));
            x = innerNorm.Forward(x);
            return (Number(Alpha) * x).Plus(inner.Forward(x));
        }

        private Tensor Attend(Tensor x, (Tensor, Tensor) context, (Tensor, Tensor) answer, Tensor? visible, Pass pass)
        {
            var (q, k, v) = project(x); // [b, s, hidden]
            (q, k, v) = (Turn(q, context, answer), Turn(k, context, answer), Heads.Split(v, heads)); // [b, h, s, d]
            if (pass.Ragged is { } ragged) return output.Forward(ragged.Attend(layer, q, k, v, new Sight()));
            (k, v) = pass.Behind(layer, k, v); // [b, h, t, d]
            return output.Forward(Heads.Join(Attention.Attend(q, k, v, visible)));
        }

        // One half of each head turns by the place in the context, the other by the place in the answer.
        private Tensor Turn(Tensor x, (Tensor, Tensor) context, (Tensor, Tensor) answer)
        {
            var (b, s) = (x.shape[0], x.shape[1]);
            var halves = x.view(b, s, heads, 2, -1); // [b, s, h, 2, d/2]
            return cat([
                Rope.Rotate(halves.select(3, 0).reshape(b, s, -1), context, heads),
                Rope.Rotate(halves.select(3, 1).reshape(b, s, -1), answer, heads)], -1); // [b, h, s, d]
        }
    }
}
