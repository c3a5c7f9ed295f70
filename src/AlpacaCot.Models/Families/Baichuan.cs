using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Baichuan 1 and 2 (Yang et al., 2023): LLaMA with one fused matrix for queries, keys and values. The 7B models use rotary
/// positions, the 13B models ALiBi; Baichuan 2 normalizes the rows of its head.
/// </summary>
public sealed class Baichuan : IModelFamily
{
    private const int SecondVocabulary = 125696; // Baichuan 2 as published
    private const int FirstVocabulary = 64000;

    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["baichuan"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        // Only the 13B configurations lack max_position_embeddings: they have a tokenizer length but no position limit.
        var rotary = c.Has("max_position_embeddings");
        var sizes = c.Sizes();
        sizes = sizes with { MaxPositions = c.Int("model_max_length", sizes.MaxPositions) };
        var alibi = rotary ? null : new Alibi(sizes.Heads);
        var finish = NormalizesHead(c, sizes.Vocabulary) ? NormalizedHead(b) : null;
        var parts = new LlamaParts(c, b) { Sizes = sizes, Finish = finish };
        return parts.Model("baichuan", i => new PreNormBlock(
            parts.Norm(i, "input_layernorm"),
            parts.Attention(i, Projections.Concatenated(
                b.Linear($"model.layers.{i}.self_attn.W_pack", sizes.Hidden, 3 * sizes.Hidden), sizes.Hidden, sizes.Hidden))
                with { Rope = rotary ? parts.Rope : null, Alibi = alibi },
            parts.Norm(i, "post_attention_layernorm"), parts.FeedForward(i)));
    }

    private static bool NormalizesHead(ModelConfig c, int vocabulary) => vocabulary switch
    {
        SecondVocabulary => true,
        FirstVocabulary => false,
        _ => c.Text("tokenizer_class", "") == "BaichuanTokenizer", // present in configurations of the second generation only
    };

    // Logits with head rows of unit norm: x·w / |w|. The norms of frozen rows are cached.
    private static Func<Tensor, Tensor> NormalizedHead(ModelBuilder b)
    {
        Tensor? cached = null;
        var gate = new Lock(); // passes may run on several threads
        return logits =>
        {
            var weight = b.Linears["lm_head"].Weight;
            if (weight.requires_grad || weight.Handle != b.Parameters["lm_head.weight"].Handle) return logits / Norms(weight);
            lock (gate)
                if (cached is null) b.Tables.Add(cached = Norms(weight).DetachFromDisposeScope());
            return logits / cached;
        };
    }

    private static Tensor Norms(Tensor weight) =>
        weight.to(ScalarType.Float32).pow(Number(2)).sum(dim: 1).sqrt().clamp_min(Number(1e-12)); // [vocabulary]
}
