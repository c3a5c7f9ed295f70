using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Qwen 1 (Bai et al., 2023): LLaMA with a bias on the fused projection only. Beyond the trained length, and never in training,
/// the rotary base grows in steps with the prompt length and queries are scaled by the logarithm of their position.
/// </summary>
public sealed class Qwen : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["qwen"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("scale_attn_weights", "true");
        var (hidden, heads) = (c.Int("hidden_size"), c.Int("num_attention_heads"));
        var (trained, bias) = (c.Int("seq_length", 8192), !c.Flag("no_bias", true));
        var sizes = new DecoderSizes(
            c.Int("vocab_size"), hidden, c.Int("intermediate_size") / 2, c.Int("num_hidden_layers"), heads, heads,
            c.Int("kv_channels", hidden / heads), c.Int("max_position_embeddings", trained));
        var epsilon = c.Number("layer_norm_epsilon", 1e-6);
        var scaling = new RopeScaling { Type = c.Flag("use_dynamic_ntk", true) ? "qwen" : "default", OriginalLength = trained };
        var rotary = new RopeSettings(c.Number("rotary_emb_base", 10000), scaling, c.Number("rotary_pct", 1));
        var (rope, width) = (b.Rope(rotary, sizes.HeadDimension), sizes.QueryWidth);
        Func<ForwardPass, Tensor?>? grown = c.Flag("use_logn_attn", true) ? pass => Growth(pass, trained) : null;
        var embedding = b.Embedding("transformer.wte", sizes.Vocabulary, hidden);
        return new Decoder(b, sizes.Shape("qwen"))
        {
            EmbedWith = (input, pass) => embedding.Forward(input.Ids, pass),
            Blocks = sizes.Each(i => Block($"transformer.h.{i}", i)),
            Norm = b.RmsNorm("transformer.ln_f", hidden, epsilon),
            Output = b.Head("lm_head", embedding, hidden, sizes.Vocabulary, c.Flag("tie_word_embeddings")),
        };

        IBlock Block(string at, int layer) => new PreNormBlock(
            b.RmsNorm($"{at}.ln_1", hidden, epsilon),
            new SelfAttention(layer, heads, heads, sizes.HeadDimension,
                Projections.Concatenated(b.Linear($"{at}.attn.c_attn", hidden, 3 * width, true), width, width),
                b.Linear($"{at}.attn.c_proj", width, hidden, bias)) { Rope = rope, QueryFactor = grown },
            b.RmsNorm($"{at}.ln_2", hidden, epsilon),
            new GatedFeedForward(
                b.Linear($"{at}.mlp.w2", hidden, sizes.Inner, bias), b.Linear($"{at}.mlp.w1", hidden, sizes.Inner, bias),
                Activations.SwiGlu, b.Linear($"{at}.mlp.c_proj", sizes.Inner, hidden, bias)));
    }

    // log(position) / log(trained length) for queries beyond the trained length.
    private static Tensor? Growth(ForwardPass pass, int trained)
    {
        if (pass.End <= trained || pass.Mode == PassMode.Training) return null;
        var positions = pass.Positions.to(ScalarType.Float32) + Number(1);
        return (positions.log() / Number(Math.Log(trained))).clamp_min(Number(1)).unsqueeze(1); // [s, 1]
    }
}
