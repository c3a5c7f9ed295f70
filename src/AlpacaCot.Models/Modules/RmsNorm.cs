using AlpacaCot.Models.Kernels;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Root mean square layer normalisation (Zhang and Sennrich, 2019): <c>x / sqrt(mean(x²) + ε) · w</c>.</summary>
public sealed class RmsNorm : ILayer
{
    private readonly double _offset;

    internal RmsNorm(Tensor weight, double epsilon, double offset = 0) =>
        (Weight, Epsilon, this._offset) = (weight, epsilon, offset);

    /// <summary>The gain, <c>[width]</c>; Gemma stores it less one.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>What keeps the division finite.</summary>
    public double Epsilon { get; }

    /// <summary><c>[.., width] -> [.., width]</c></summary>
    public Tensor Forward(Tensor x, ForwardPass pass) =>
        KernelSet.For(x).RmsNorm(x, _offset == 0 ? Weight : Weight + Number(_offset), Epsilon);
}
