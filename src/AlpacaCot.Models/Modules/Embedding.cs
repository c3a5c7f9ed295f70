using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>An adapter on an embedding.</summary>
public interface IEmbeddingAdapter
{
    /// <summary>The adapted vectors of token ids, fp32.</summary>
    /// <param name="rows">The table's own vectors, <c>[n, width]</c>, fp32.</param>
    /// <param name="ids">The token ids, <c>[n]</c>.</param>
    Tensor Adapted(Tensor rows, Tensor ids);

    /// <summary>The fp32 table <c>[tokens, width]</c> that is equivalent to the adapted one; owned by the caller.</summary>
    Tensor Merged(Embedding layer);
}

/// <summary>An embedding table of token vectors.</summary>
public sealed class Embedding
{
    internal Embedding(string name, Tensor weight) => (Name, Weight) = (name, weight);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The table, <c>[tokens, width]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>The adapter on this table, or null.</summary>
    public IEmbeddingAdapter? Adapter { get; set; }

    /// <summary>
    /// Embeds the tokens of a pass, <c>[b, s] -> [b, s, width]</c>, including the pass's virtual tokens and training noise.
    /// </summary>
    public Tensor Forward(Tensor ids, ForwardPass pass)
    {
        var vectors = pass.Prompt is { } prompt ? WithPrompt(prompt, ids) : Rows(ids);
        if (pass.Noise == 0) return vectors;
        var bound = pass.Noise / Math.Sqrt(ids.shape[1] * Weight.shape[1]);
        return vectors.Plus(empty_like(vectors, requires_grad: false).uniform_(-bound, bound));
    }

    private Tensor WithPrompt(Tensor prompt, Tensor ids)
    {
        var real = (ids >= Number(0)).unsqueeze(-1); // [b, s, 1]
        var vectors = prompt.index_select(0, (Number(-1) - ids).clamp_min(Number(0)).flatten()).view(ids.shape[0], ids.shape[1],
            -1);
        return where(real, Rows(ids.clamp_min(Number(0))), vectors);
    }

    /// <summary>Looks up the vectors of ids in fp32: <c>[b, s] -> [b, s, width]</c>.</summary>
    public Tensor Rows(Tensor ids)
    {
        var flat = ids.flatten();
        var rows = Weight.index_select(0, flat).to(ScalarType.Float32);
        if (Adapter is not null) rows = Adapter.Adapted(rows, flat);
        return rows.view(ids.shape[0], ids.shape[1], Weight.shape[1]);
    }
}
