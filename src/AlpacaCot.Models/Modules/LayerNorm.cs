using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Layer normalization (Ba et al., 2016): <c>(x - mean) / sqrt(variance + ε) · w + b</c>, with optional w and b.
/// </summary>
public sealed class LayerNorm : ILayer
{
    private readonly long _width;

    internal LayerNorm(long width, Tensor? weight, Tensor? bias, double epsilon) =>
        (this._width, Weight, Bias, Epsilon) = (width, weight, bias, epsilon);

    /// <summary>The weight w, <c>[width]</c>, or null.</summary>
    public Tensor? Weight { get; internal set; }

    /// <summary>The bias b, <c>[width]</c>, or null.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>ε, added to the variance for numerical stability.</summary>
    public double Epsilon { get; }

    /// <summary>Normalizes the last dimension: <c>[.., width] -> [.., width]</c>.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass) => Tensors.As(
        nn.functional.layer_norm(Tensors.As(x, ScalarType.Float32), [_width], Weight, Bias, Epsilon), x.dtype);

    /// <summary>Normalizes the last dimension without weight and bias.</summary>
    public static Tensor Normalize(Tensor x, double epsilon) => Tensors.As(
        nn.functional.layer_norm(Tensors.As(x, ScalarType.Float32), [x.shape[^1]], null, null, epsilon), x.dtype);
}
