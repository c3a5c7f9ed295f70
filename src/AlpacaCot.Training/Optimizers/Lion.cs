using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// Lion (Chen et al., 2023: symbolic discovery of optimization algorithms): every weight moves by the learning rate, in the
/// direction of the sign of a mean of gradients. The paper's learning rates are 3 to 10 times below AdamW's.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="beta1">Weight of the mean in the direction.</param>
/// <param name="beta2">Decay of the mean.</param>
/// <param name="weightDecay">Decoupled decay, times the learning rate.</param>
/// <param name="rateFactor">The factor on the learning rate of a name; null: one for all.</param>
public sealed class Lion(IEnumerable<KeyValuePair<string, Tensor>> parameters, double beta1 = 0.9, double beta2 = 0.99,
    double weightDecay = 0, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (_, weight) => new LionRule(weight.shape, beta1, beta2, weightDecay));

/// <summary>Lion on one tensor.</summary>
internal sealed class LionRule(long[] shape, double beta1, double beta2, double weightDecay) : UpdateRule
{
    private readonly Tensor mean = Zeros(shape);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => [("mean", mean)];

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override unsafe void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        var w = TensorMemory.Floats(weight);
        var g = TensorMemory.Floats(gradient);
        var m = TensorMemory.Floats(mean);
        var count = weight.numel();
        var (scale, rate, decay) = ((float)step.Scale, (float)step.Rate, (float)(1 - step.Rate * weightDecay));
        var (b1, rest1, b2, rest2) = ((float)beta1, (float)(1 - beta1), (float)beta2, (float)(1 - beta2));
        var (plus, minus, zero) = (Vector256.Create(rate), Vector256.Create(-rate), Vector256<float>.Zero);
        long i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var (now, old) = (Vector256.Load(g + i) * scale, Vector256.Load(m + i));
            var direction = old * b1 + now * rest1;
            var move = Vector256.ConditionalSelect(Vector256.GreaterThan(direction, zero), plus,
                Vector256.ConditionalSelect(Vector256.LessThan(direction, zero), minus, zero));
            (Vector256.Load(w + i) * decay - move).Store(w + i);
            (old * b2 + now * rest2).Store(m + i);
        }
        for (; i < count; i++)
        {
            var now = g[i] * scale;
            var direction = m[i] * b1 + now * rest1;
            w[i] = w[i] * decay - (direction > 0 ? rate : direction < 0 ? -rate : 0);
            m[i] = m[i] * b2 + now * rest2;
        }
    }
}
