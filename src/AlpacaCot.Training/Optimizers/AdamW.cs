using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The hyperparameters of AdamW, except the learning rate, which each step sets.</summary>
/// <param name="Beta1">Decay rate of the first moment.</param>
/// <param name="Beta2">Decay rate of the second moment.</param>
/// <param name="Epsilon">Added to the denominator for numerical stability.</param>
/// <param name="WeightDecay">Decoupled weight decay, scaled by the learning rate.</param>
public sealed record AdamWOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0);

/// <summary>
/// AdamW (Loshchilov and Hutter, 2019) with the arithmetic of PyTorch, in one pass over the memory of each fp32 tensor:
/// gradient scaling, clipping, both moments and the update together.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="options">The hyperparameters.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class AdamW(
    IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions options, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new AdamWRule(weight, options));

/// <summary>The AdamW update of one tensor.</summary>
internal sealed class AdamWRule(Tensor like, AdamWOptions options) : UpdateRule
{
    private readonly Tensor _mean = Zeros(like.shape, like.device), _square = Zeros(like.shape, like.device);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => [("mean", _mean), ("square", _square)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        var correction1 = 1 - Math.Pow(options.Beta1, step.Number);
        var correction2 = 1 - Math.Pow(options.Beta2, step.Number);
        UpdateKernels.For(weight).AdamW(weight, gradient, _mean, _square, new AdamWConstants(
            (float)step.Scale, (float)options.Beta1, (float)(1 - options.Beta1), (float)options.Beta2,
            (float)(1 - options.Beta2),
            (float)(1 - step.Rate * options.WeightDecay), (float)(step.Rate / correction1),
            (float)(1 / Math.Sqrt(correction2)),
            (float)options.Epsilon));
    }
}
