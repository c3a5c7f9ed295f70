using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Layer normalisation (Ba et al., 2016): <c>(x - mean) / sqrt(variance + ε) · w + b</c>, with or without w and b.
/// </summary>
public sealed class LayerNorm : ILayer
{
    private readonly long _width;

    internal LayerNorm(long width, Tensor? weight, Tensor? bias, double epsilon) =>
        (this._width, Weight, Bias, Epsilon) = (width, weight, bias, epsilon);

    /// <summary>The gain, <c>[width]</c>, or none.</summary>
    public Tensor? Weight { get; internal set; }

    /// <summary>The offset, <c>[width]</c>, or none.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>What keeps the division finite.</summary>
    public double Epsilon { get; }

    /// <summary><c>[.., width] -> [.., width]</c></summary>
    public Tensor Forward(Tensor x, ForwardPass pass) => nn.functional.layer_norm(x, [_width], Weight, Bias, Epsilon);

    /// <summary>The norm alone, without gain and offset, over the last dimension.</summary>
    public static Tensor Normalize(Tensor x, double epsilon) => nn.functional.layer_norm(x, [x.shape[^1]], null, null, epsilon);
}
