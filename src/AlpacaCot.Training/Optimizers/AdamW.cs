using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The constants of AdamW; the learning rate comes with each step.</summary>
/// <param name="Beta1">Decay of the mean of gradients.</param>
/// <param name="Beta2">Decay of the mean of squared gradients.</param>
/// <param name="Epsilon">What keeps the division finite.</param>
/// <param name="WeightDecay">Decoupled decay of every weight, times the learning rate.</param>
public sealed record AdamWOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0);

/// <summary>
/// AdamW (Loshchilov and Hutter, 2019) with the arithmetic of PyTorch, in one pass over the memory of each fp32 tensor:
/// gradient scaling, clipping, both moments and the update together.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="options">The constants.</param>
/// <param name="rateFactor">The factor on the learning rate of a name; null: one for all.</param>
public sealed class AdamW(
    IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions options, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new AdamWRule(weight.shape, options));

/// <summary>AdamW on one tensor.</summary>
internal sealed class AdamWRule(long[] shape, AdamWOptions options) : UpdateRule
{
    private readonly Tensor mean = Zeros(shape), square = Zeros(shape);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => [("mean", mean), ("square", square)];

    public override unsafe void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        var correction1 = 1 - Math.Pow(options.Beta1, step.Number);
        var correction2 = 1 - Math.Pow(options.Beta2, step.Number);
        Update(TensorMemory.Floats(weight), TensorMemory.Floats(gradient), TensorMemory.Floats(mean), TensorMemory.Floats(square),
            weight.numel(), new Constants(
                (float)step.Scale, (float)options.Beta1, (float)(1 - options.Beta1), (float)options.Beta2,
                (float)(1 - options.Beta2),
                (float)(1 - step.Rate * options.WeightDecay), (float)(step.Rate / correction1),
                (float)(1 / Math.Sqrt(correction2)),
                (float)options.Epsilon));
    }

    private readonly record struct Constants(
        float Scale, float Beta1, float Rest1, float Beta2, float Rest2, float Decay, float Rate, float InverseRoot2,
        float Epsilon);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Update(float* weight, float* gradient, float* mean, float* square, long count, Constants c)
    {
        long i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var g = Vector256.Load(gradient + i) * c.Scale;
            var m = Vector256.Load(mean + i) * c.Beta1 + g * c.Rest1;
            var v = Vector256.Load(square + i) * c.Beta2 + g * g * c.Rest2;
            m.Store(mean + i);
            v.Store(square + i);
            var denominator = Vector256.Sqrt(v) * c.InverseRoot2 + Vector256.Create(c.Epsilon);
            (Vector256.Load(weight + i) * c.Decay - m / denominator * c.Rate).Store(weight + i);
        }
        for (; i < count; i++)
        {
            var g = gradient[i] * c.Scale;
            mean[i] = mean[i] * c.Beta1 + g * c.Rest1;
            square[i] = square[i] * c.Beta2 + g * g * c.Rest2;
            weight[i] = weight[i] * c.Decay - mean[i] / (MathF.Sqrt(square[i]) * c.InverseRoot2 + c.Epsilon) * c.Rate;
        }
    }
}
