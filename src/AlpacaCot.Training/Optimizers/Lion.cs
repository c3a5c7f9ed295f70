using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// Lion (Chen et al., 2023: symbolic discovery of optimization algorithms): every weight changes by the learning rate in the
/// direction of the sign of the interpolated momentum. The paper's learning rates are 3 to 10 times smaller than AdamW's.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="beta1">Weight of the momentum in the update direction.</param>
/// <param name="beta2">Decay rate of the momentum.</param>
/// <param name="weightDecay">Decoupled weight decay, scaled by the learning rate.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class Lion(IEnumerable<KeyValuePair<string, Tensor>> parameters, double beta1 = 0.9, double beta2 = 0.99,
    double weightDecay = 0, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new LionRule(weight, beta1, beta2, weightDecay));

/// <summary>The Lion update of one tensor.</summary>
internal sealed class LionRule(Tensor like, double beta1, double beta2, double weightDecay) : UpdateRule
{
    private readonly Tensor _mean = Zeros(like.shape, like.device);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => [("mean", _mean)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step) =>
        UpdateKernels.For(weight).Lion(weight, gradient, _mean, new LionConstants(
            (float)step.Scale, (float)step.Rate, (float)(1 - step.Rate * weightDecay),
            (float)beta1, (float)(1 - beta1), (float)beta2, (float)(1 - beta2)));
}
