using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>What an adapter adds to the vectors of an embedding.</summary>
public interface IEmbeddingAdapter
{
    /// <summary>The addition for token ids: <c>[n] -> [n, width]</c>.</summary>
    Tensor Added(Tensor ids);

    /// <summary>The fp32 table <c>[tokens, width]</c> that gives the same without the adapter; the caller's.</summary>
    Tensor Merged(Embedding layer);
}

/// <summary>A table of token vectors.</summary>
public sealed class Embedding
{
    internal Embedding(string name, Tensor weight) => (Name, Weight) = (name, weight);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The table, <c>[tokens, width]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>The adapter on this table, or none.</summary>
    public IEmbeddingAdapter? Adapter { get; set; }

    /// <summary>
    /// The vectors of the tokens that a model reads, <c>[b, s] -> [b, s, width]</c>, with what the pass brings: those of virtual
    /// tokens, and the noise of training.
    /// </summary>
    public Tensor Forward(Tensor ids, ForwardPass pass)
    {
        var vectors = pass.Prompt is { } prompt ? Among(prompt, ids) : Rows(ids);
        if (pass.Noise == 0) return vectors;
        var most = pass.Noise / Math.Sqrt(ids.shape[1] * Weight.shape[1]);
        return vectors.Plus(empty_like(vectors, requires_grad: false).uniform_(-most, most));
    }

    private Tensor Among(Tensor prompt, Tensor ids)
    {
        var real = (ids >= Number(0)).unsqueeze(-1); // [b, s, 1]
        var vectors = prompt.index_select(0, (Number(-1) - ids).clamp_min(Number(0)).flatten()).view(ids.shape[0], ids.shape[1],
            -1);
        return where(real, Rows(ids.clamp_min(Number(0))), vectors);
    }

    /// <summary>The vectors of ids in fp32: <c>[b, s] -> [b, s, width]</c>.</summary>
    public Tensor Rows(Tensor ids)
    {
        var flat = ids.flatten();
        var rows = Weight.index_select(0, flat).to(ScalarType.Float32);
        if (Adapter is not null) rows = rows.Plus(Adapter.Added(flat));
        return rows.view(ids.shape[0], ids.shape[1], Weight.shape[1]);
    }
}
