using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Baichuan 1 and 2 (Yang et al., 2023): LLaMA with one matrix for queries, keys and values. The 7B models have rotary positions,
/// the 13B models linear biases; Baichuan 2 normalises the rows of its head.
/// </summary>
public sealed class Baichuan : IModelFamily
{
    private const int SecondVocabulary = 125696; // Baichuan 2 as published; 64000 in the first generation
    private const int FirstVocabulary = 64000;

    /// <inheritdoc/>
    public IReadOnlyList<string> ModelTypes { get; } = ["baichuan"];

    /// <inheritdoc/>
    public CausalModel Build(ModelConfig c, ModelBuilder b)
    {
        c.Require("hidden_act", "silu");
        // The only mark of a 13B model: it gives a length for its tokenizer, but none that positions are bound to.
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
        _ => c.Text("tokenizer_class", "") == "BaichuanTokenizer", // only the second generation's configurations name it
    };

    // Logits over unit rows: x·w / |w|. The lengths of rows that do not learn are kept.
    private static Func<Tensor, Tensor> NormalizedHead(ModelBuilder b)
    {
        Tensor? kept = null;
        var gate = new Lock(); // of passes on several threads
        return logits =>
        {
            var weight = b.Linears["lm_head"].Weight;
            if (weight.requires_grad || weight.Handle != b.Parameters["lm_head.weight"].Handle) return logits / Lengths(weight);
            lock (gate)
                if (kept is null) b.Tables.Add(kept = Lengths(weight).DetachFromDisposeScope());
            return logits / kept;
        };
    }

    private static Tensor Lengths(Tensor weight) =>
        weight.to(ScalarType.Float32).pow(Number(2)).sum(dim: 1).sqrt().clamp_min(Number(1e-12)); // [vocabulary]
}
