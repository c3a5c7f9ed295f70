using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>What one update of AdamW needs beside its tensors.</summary>
/// <param name="Scale">The factor on the gradient.</param>
/// <param name="Beta1">Decay of the mean of gradients.</param>
/// <param name="Rest1">1 - Beta1.</param>
/// <param name="Beta2">Decay of the mean of squared gradients.</param>
/// <param name="Rest2">1 - Beta2.</param>
/// <param name="Decay">The factor on the weight.</param>
/// <param name="Rate">The learning rate with the correction of the first moment.</param>
/// <param name="InverseRoot2">The correction of the second moment's root.</param>
/// <param name="Epsilon">What keeps the division finite.</param>
internal readonly record struct AdamWConstants(
    float Scale, float Beta1, float Rest1, float Beta2, float Rest2, float Decay, float Rate, float InverseRoot2, float Epsilon);

/// <summary>A moment in eight bits: codes and the scale of each block.</summary>
/// <param name="Codes">uint8, one for each weight.</param>
/// <param name="Scales">fp32, one for each block.</param>
/// <param name="Book">The values of the codes.</param>
internal sealed record CodedMoment(Tensor Codes, Tensor Scales, Codebook Book);

/// <summary>What one update of Lion needs beside its tensors.</summary>
/// <param name="Scale">The factor on the gradient.</param>
/// <param name="Rate">The learning rate.</param>
/// <param name="Decay">The factor on the weight.</param>
/// <param name="Beta1">Weight of the mean in the direction.</param>
/// <param name="Rest1">1 - Beta1.</param>
/// <param name="Beta2">Decay of the mean.</param>
/// <param name="Rest2">1 - Beta2.</param>
internal readonly record struct LionConstants(
    float Scale, float Rate, float Decay, float Beta1, float Rest1, float Beta2, float Rest2);

/// <summary>The inner loops of the optimizers; every set computes the same up to rounding, in place.</summary>
internal interface IUpdateKernels
{
    /// <summary>The sum of all squared numbers of a contiguous fp32 tensor.</summary>
    double SumOfSquares(Tensor tensor);

    /// <summary>One update of AdamW: mean, square and weight.</summary>
    void AdamW(Tensor weight, Tensor gradient, Tensor mean, Tensor square, AdamWConstants constants);

    /// <summary>
    /// The same with moments in eight bits; <see cref="AdamWConstants.InverseRoot2"/> is in rate and epsilon here.
    /// </summary>
    void AdamW8Bit(Tensor weight, Tensor gradient, CodedMoment mean, CodedMoment square, int block, AdamWConstants constants);

    /// <summary>One update of Lion: weight and mean.</summary>
    void Lion(Tensor weight, Tensor gradient, Tensor mean, LionConstants constants);
}

/// <summary>The set of update kernels for a device.</summary>
internal static class UpdateKernels
{
    private static readonly CpuUpdateKernels Cpu = new();
    private static readonly TorchUpdateKernels Torch = new();

    /// <summary>The kernels that compute on a tensor.</summary>
    public static IUpdateKernels For(Tensor tensor) => Compute.UsesSimd(tensor) ? Cpu : Torch;
}
