using AlpacaCot.Models.Kernels;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Root mean square layer normalization (Zhang and Sennrich, 2019): <c>x / sqrt(mean(x²) + ε) · w</c>.</summary>
public sealed class RmsNorm : ILayer
{
    private readonly double _offset;

    internal RmsNorm(Tensor weight, double epsilon, double offset = 0) =>
        (Weight, Epsilon, this._offset) = (weight, epsilon, offset);

    /// <summary>The weight w as stored, <c>[width]</c>; for Gemma w - 1.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>ε, added to the mean square for numerical stability.</summary>
    public double Epsilon { get; }

    /// <summary>Normalizes the last dimension: <c>[.., width] -> [.., width]</c>.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass) =>
        KernelSet.For(x).RmsNorm(x, _offset == 0 ? Weight : Weight + Number(_offset), Epsilon);
}
