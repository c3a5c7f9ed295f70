using AlpacaCot.Models.Kernels;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>Root mean square layer normalisation (Zhang and Sennrich, 2019): <c>x / sqrt(mean(x²) + ε) · w</c>.</summary>
public sealed class RmsNorm
{
    internal RmsNorm(Tensor weight, double epsilon) => (Weight, Epsilon) = (weight, epsilon);

    /// <summary>The gain, <c>[width]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>What keeps the division finite.</summary>
    public double Epsilon { get; }

    /// <summary><c>[.., width] -> [.., width]</c></summary>
    public Tensor Forward(Tensor x) => RmsNormKernel.Apply(x, Weight, Epsilon);
}
