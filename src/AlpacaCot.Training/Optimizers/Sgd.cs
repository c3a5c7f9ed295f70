using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// Stochastic gradient descent with momentum, as PyTorch's: <c>v = momentum · v + (g + decay · w)</c>, <c>w -= rate · v</c>.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="momentum">Decay rate of the velocity; 0: no velocity is stored.</param>
/// <param name="weightDecay">The fraction of the weight that is added to its gradient (L2 penalty).</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class Sgd(IEnumerable<KeyValuePair<string, Tensor>> parameters, double momentum = 0, double weightDecay = 0,
    Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new SgdRule(weight, momentum, weightDecay));

/// <summary>The SGD update of one tensor.</summary>
internal sealed class SgdRule(Tensor like, double momentum, double weightDecay) : UpdateRule
{
    private readonly Tensor? _velocity = momentum == 0 ? null : Zeros(like.shape, like.device);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => _velocity is null ? [] : [("velocity", _velocity)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        gradient.mul_(Number(step.Scale));
        if (weightDecay > 0) gradient.add_(weight, alpha: Number(weightDecay));
        weight.add_(_velocity?.mul_(Number(momentum)).PlusInPlace(gradient) ?? gradient, alpha: Number(-step.Rate));
    }
}
