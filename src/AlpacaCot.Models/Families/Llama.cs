using System.Text.Json;
using AlpacaCot.Models.Layers;
using TorchSharp;
using static AlpacaCot.Models.Layers.Activations;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// LLaMA 1, 2 and 3 (Touvron et al., 2023; Grattafiori et al., 2024): pre-norm blocks of grouped-query attention with rotary
/// positions and a SwiGLU feed-forward, RMS norms, no biases unless the configuration asks for them.
/// </summary>
public sealed class Llama : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["llama"];

    /// <inheritdoc/>
    public CausalModel Build(JsonElement config, ModelBuilder builder)
    {
        var c = new ModelConfig(config);
        c.Require("hidden_act", "silu");
        return new LlamaModel(builder, LlamaConfig.Read(c));
    }

    private sealed record LlamaConfig(
        int Vocabulary, int Hidden, int Inner, int Layers, int Heads, int KeyValueHeads, int HeadDimension, int MaxPositions,
        double Epsilon, bool Tied, bool AttentionBias, bool InnerBias, double Theta, RopeScaling Scaling)
    {
        public static LlamaConfig Read(ModelConfig c)
        {
            var (hidden, heads, rope) = (c.Int("hidden_size"), c.Int("num_attention_heads"), c.Rope());
            return new LlamaConfig(
                c.Int("vocab_size"), hidden, c.Int("intermediate_size"), c.Int("num_hidden_layers"), heads,
                c.Int("num_key_value_heads", heads), c.Int("head_dim", hidden / heads), c.Int("max_position_embeddings", 2048),
                c.Number("rms_norm_eps", 1e-6), c.Flag("tie_word_embeddings"), c.Flag("attention_bias"), c.Flag("mlp_bias"),
                rope.Theta, rope.Scaling);
        }
    }

    private sealed class LlamaModel : CausalModel
    {
        private readonly Embedding embedding;
        private readonly Block[] blocks;
        private readonly RmsNorm norm;
        private readonly Rope rope;

        public LlamaModel(ModelBuilder b, LlamaConfig c)
            : base(b, new ModelShape("llama", c.Vocabulary, c.Hidden, c.Layers, c.KeyValueHeads, c.HeadDimension, c.MaxPositions))
        {
            embedding = b.Embedding("model.embed_tokens", c.Vocabulary, c.Hidden);
            blocks = [.. Enumerable.Range(0, c.Layers).Select(i => new Block(b, c, i))];
            norm = b.RmsNorm("model.norm", c.Hidden, c.Epsilon);
            Head = b.Head("lm_head", embedding, c.Hidden, c.Vocabulary, c.Tied);
            rope = new Rope(c.HeadDimension, c.Theta, c.Scaling);
        }

        public override Linear Head { get; }

        public override Tensor Hidden(ModelInput input)
        {
            var (start, length) = (input.Cache?.Length ?? 0, input.Ids.shape[1]);
            var mask = Attention.Mask(input.Present, start, length);
            var turns = input.Positions is null
                ? rope.Tables(start, length)
                : rope.Tables(input.Positions, start + length);
            var x = embedding.Forward(input.Ids); // [b, s, hidden]
            foreach (var block in blocks) x = block.Forward(x, turns, mask, input.Cache);
            input.Cache?.Advance(length);
            return norm.Forward(x);
        }

        protected override void Release() => rope.Dispose();
    }

    private sealed class Block
    {
        private readonly int index, heads, keyValueHeads, headDimension;
        private readonly RmsNorm attentionNorm, innerNorm;
        private readonly Linear query, key, value, output, gate, up, down;

        public Block(ModelBuilder b, LlamaConfig c, int index)
        {
            (this.index, heads, keyValueHeads, headDimension) = (index, c.Heads, c.KeyValueHeads, c.HeadDimension);
            var at = $"model.layers.{index}";
            attentionNorm = b.RmsNorm($"{at}.input_layernorm", c.Hidden, c.Epsilon);
            query = b.Linear($"{at}.self_attn.q_proj", c.Hidden, heads * headDimension, c.AttentionBias);
            key = b.Linear($"{at}.self_attn.k_proj", c.Hidden, keyValueHeads * headDimension, c.AttentionBias);
            value = b.Linear($"{at}.self_attn.v_proj", c.Hidden, keyValueHeads * headDimension, c.AttentionBias);
            output = b.Linear($"{at}.self_attn.o_proj", heads * headDimension, c.Hidden, c.AttentionBias);
            innerNorm = b.RmsNorm($"{at}.post_attention_layernorm", c.Hidden, c.Epsilon);
            gate = b.Linear($"{at}.mlp.gate_proj", c.Hidden, c.Inner, c.InnerBias);
            up = b.Linear($"{at}.mlp.up_proj", c.Hidden, c.Inner, c.InnerBias);
            down = b.Linear($"{at}.mlp.down_proj", c.Inner, c.Hidden, c.InnerBias);
        }

        public Tensor Forward(Tensor x, (Tensor Cos, Tensor Sin) turns, Tensor? mask, KeyValueCache? cache)
        {
            x = x + Attend(attentionNorm.Forward(x), turns, mask, cache);
            var h = innerNorm.Forward(x);
            return x + down.Forward(SwiGlu(gate.Forward(h), up.Forward(h)));
        }

        private Tensor Attend(Tensor x, (Tensor Cos, Tensor Sin) turns, Tensor? mask, KeyValueCache? cache)
        {
            var (b, s) = (x.shape[0], x.shape[1]);
            var q = Rope.Rotate(query.Forward(x), turns, heads); // [b, h, s, d]
            var k = Rope.Rotate(key.Forward(x), turns, keyValueHeads); // [b, kv, s, d]
            var v = value.Forward(x).view(b, s, keyValueHeads, headDimension).transpose(1, 2);
            if (cache is not null) (k, v) = cache.Append(index, k, v); // [b, kv, t, d]
            var mixed = Attention.Attend(q, k, v, mask); // [b, h, s, d]
            return output.Forward(mixed.transpose(1, 2).reshape(b, s, heads * headDimension));
        }
    }
}
