using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>A table of token vectors.</summary>
public sealed class Embedding
{
    internal Embedding(Tensor weight) => Weight = weight;

    /// <summary>The table, <c>[tokens, width]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>
    /// NEFTune's alpha (Jain et al., 2023): in training, uniform noise of at most alpha / √(s · width) is added to each number.
    /// </summary>
    public double Noise { get; internal set; }

    /// <summary>The vectors of token ids in fp32: <c>[b, s] -> [b, s, width]</c>.</summary>
    public Tensor Forward(Tensor ids)
    {
        var rows = Weight.index_select(0, ids.flatten());
        var vectors = rows.to(ScalarType.Float32).view(ids.shape[0], ids.shape[1], Weight.shape[1]);
        if (Noise == 0 || !is_grad_enabled()) return vectors;
        var most = Noise / Math.Sqrt(ids.shape[1] * Weight.shape[1]);
        return vectors + empty(vectors.shape, ScalarType.Float32).uniform_(-most, most);
    }
}
