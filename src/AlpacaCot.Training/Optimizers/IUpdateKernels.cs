using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The scalars of one AdamW update.</summary>
/// <param name="Scale">The factor on the gradient.</param>
/// <param name="Beta1">Decay rate of the first moment.</param>
/// <param name="Rest1">1 - Beta1.</param>
/// <param name="Beta2">Decay rate of the second moment.</param>
/// <param name="Rest2">1 - Beta2.</param>
/// <param name="Decay">The factor on the weight.</param>
/// <param name="Rate">The learning rate with the bias correction of the first moment.</param>
/// <param name="InverseRoot2">The bias correction of the second moment's square root.</param>
/// <param name="Epsilon">Added to the denominator for numerical stability.</param>
internal readonly record struct AdamWConstants(
    float Scale, float Beta1, float Rest1, float Beta2, float Rest2, float Decay, float Rate, float InverseRoot2, float Epsilon);

/// <summary>A moment in eight bits: codes and the scale of each block.</summary>
/// <param name="Codes">uint8, one for each weight.</param>
/// <param name="Scales">fp32, one for each block.</param>
/// <param name="Book">The values of the codes.</param>
internal sealed record CodedMoment(Tensor Codes, Tensor Scales, Codebook Book);

/// <summary>The scalars of one Lion update.</summary>
/// <param name="Scale">The factor on the gradient.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Decay">The factor on the weight.</param>
/// <param name="Beta1">Weight of the momentum in the update direction.</param>
/// <param name="Rest1">1 - Beta1.</param>
/// <param name="Beta2">Decay rate of the momentum.</param>
/// <param name="Rest2">1 - Beta2.</param>
internal readonly record struct LionConstants(
    float Scale, float Rate, float Decay, float Beta1, float Rest1, float Beta2, float Rest2);

/// <summary>The inner loops of the optimizers; all implementations compute the same result in place, up to rounding.</summary>
internal interface IUpdateKernels
{
    /// <summary>The sum of squares of a contiguous fp32 tensor.</summary>
    double SumOfSquares(Tensor tensor);

    /// <summary>Performs one AdamW update of both moments and the weight.</summary>
    void AdamW(Tensor weight, Tensor gradient, Tensor mean, Tensor square, AdamWConstants constants);

    /// <summary>
    /// As <see cref="AdamW"/> with 8-bit moments; rate and epsilon already contain <see cref="AdamWConstants.InverseRoot2"/>.
    /// </summary>
    void AdamW8Bit(Tensor weight, Tensor gradient, CodedMoment mean, CodedMoment square, int block, AdamWConstants constants);

    /// <summary>Performs one Lion update of the momentum and the weight.</summary>
    void Lion(Tensor weight, Tensor gradient, Tensor mean, LionConstants constants);
}

/// <summary>Selects the update kernels of a device.</summary>
internal static class UpdateKernels
{
    private static readonly CpuUpdateKernels Cpu = new();
    private static readonly TorchUpdateKernels Torch = new();

    /// <summary>The kernels for a tensor's device.</summary>
    public static IUpdateKernels For(Tensor tensor) => Compute.UsesSimd(tensor) ? Cpu : Torch;
}
