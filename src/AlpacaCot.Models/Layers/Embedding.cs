using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>A table of token vectors.</summary>
public sealed class Embedding
{
    internal Embedding(Tensor weight) => Weight = weight;

    /// <summary>The table, <c>[tokens, width]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>The vectors of token ids in fp32: <c>[b, s] -> [b, s, width]</c>.</summary>
    public Tensor Forward(Tensor ids)
    {
        var rows = Weight.index_select(0, ids.flatten());
        return rows.to(ScalarType.Float32).view(ids.shape[0], ids.shape[1], Weight.shape[1]);
    }
}
