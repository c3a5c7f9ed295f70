using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Gemma (Gemma Team, 2024): LLaMA with GeGLU, tied embeddings scaled by √width, and norm weights stored as w - 1.
/// </summary>
public sealed class Gemma : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var (parts, bias) = (Parts(c, b), c.Flag("attention_bias"));
        return parts.Model("gemma", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"), parts.Attention(i, bias, bias),
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }

    /// <summary>LLaMA's components with the changes common to all Gemma models.</summary>
    internal static LlamaParts Parts(ModelConfig c, ModelBuilder b, Rope? rope = null)
    {
        // The first configurations say gelu but mean the tanh approximation.
        foreach (var key in (string[])["hidden_act", "hidden_activation"])
            if (c.Text(key, "gelu") != "gelu") c.Require(key, "gelu_pytorch_tanh");
        c.Require("use_bidirectional_attention", "false");
        var epsilon = c.Number("rms_norm_eps", 1e-6);
        return new LlamaParts(c, b, rope)
        {
            NormOf = (name, width) => b.RmsNorm(name, width, epsilon, offset: 1),
            Unit = Activations.GeGlu,
            Tied = true,
            EmbeddingScale = Math.Sqrt(c.Int("hidden_size")),
            Finish = SoftCap(c, "final_logit_softcapping"),
        };
    }

    /// <summary>The soft cap cap · tanh(x / cap); null if the configuration has none.</summary>
    private static Func<Tensor, Tensor>? SoftCap(ModelConfig c, string key)
    {
        if (!c.Has(key)) return null;
        var cap = c.Number(key, 0);
        return x => (x / Number(cap)).tanh() * Number(cap);
    }
}

/// <summary>
/// Gemma 2 (Gemma Team, 2024): norms before and after each branch, a sliding window in every other layer, and soft-capped logits
/// in attention and head.
/// </summary>
public sealed class Gemma2 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma2"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var parts = Gemma.Parts(c, b);
        var windows = c.Windows(parts.Sizes.Layers, i => i % 2 == 0);
        return parts.Model("gemma2", i => Block(c, parts, i, attention => attention with { Window = windows[i] }));
    }

    /// <summary>The block of Gemma 2 and 3; <paramref name="own"/> applies the family's changes to attention.</summary>
    internal static IBlock Block(ModelConfig c, LlamaParts parts, int layer, Func<SelfAttention, SelfAttention> own)
    {
        var bias = c.Flag("attention_bias");
        double? cap = c.Has("attn_logit_softcapping") ? c.Number("attn_logit_softcapping", 0) : null;
        var scale = 1 / Math.Sqrt(c.Number("query_pre_attn_scalar", 256));
        return new SandwichBlock(
            parts.Norm(layer, "input_layernorm"), own(parts.Attention(layer, bias, bias) with { SoftCap = cap, Scale = scale }),
            parts.Norm(layer, "post_attention_layernorm"),
            parts.Norm(layer, "pre_feedforward_layernorm"), parts.FeedForward(layer),
            parts.Norm(layer, "post_feedforward_layernorm"));
    }
}

/// <summary>
/// Gemma 3 (Gemma Team, 2025), text only: Gemma 2 with head norms instead of soft caps, and two rotary bases: one for the layers
/// with a sliding window (five of six), one for those with full attention.
/// </summary>
public sealed class Gemma3 : IModelFamily
{
    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["gemma3_text"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        var (local, global) = Ropes(c, b, c.Sizes().HeadDimension);
        var parts = Gemma.Parts(c, b, global);
        var pattern = c.Int(c.Either("sliding_window_pattern", "_sliding_window_pattern"), 6);
        var windows = c.Windows(parts.Sizes.Layers, i => (i + 1) % pattern != 0);
        return parts.Model("gemma3_text", i => Gemma2.Block(c, parts, i, attention =>
            parts.WithHeadNorms(attention) with { Window = windows[i], Rope = windows[i] is null ? global : local }));
    }

    private static (Rope Local, Rope Global) Ropes(ModelConfig c, ModelBuilder b, int headDimension)
    {
        RopeSettings local = new(c.Number("rope_local_base_freq", 10000), new RopeScaling()), global;
        if (c.Has("rope_parameters"))
        {
            var both = c.Section("rope_parameters");
            local = c.Rope(both.Section("sliding_attention"), local.Theta);
            global = c.Rope(both.Section("full_attention"), 1e6);
        }
        else global = c.Rope(1e6);
        return (b.Rope(local, headDimension), b.Rope(global, headDimension));
    }
}
