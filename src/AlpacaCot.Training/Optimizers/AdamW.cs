using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Native;
using TorchSharp;
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
public sealed class AdamW : IDisposable
{
    private sealed record Slot(string Name, Tensor Weight, Tensor Mean, Tensor Square);

    private readonly Slot[] slots;
    private readonly AdamWOptions options;

    /// <summary>An optimizer over named fp32 leaf tensors.</summary>
    public AdamW(IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions options)
    {
        this.options = options;
        slots = [.. parameters.Select(p => new Slot(p.Key, p.Value,
            zeros(p.Value.shape, ScalarType.Float32).DetachFromDisposeScope(),
            zeros(p.Value.shape, ScalarType.Float32).DetachFromDisposeScope()))];
    }

    /// <summary>Updates done.</summary>
    public long Steps { get; private set; }

    /// <summary>The moments by name: <c>NAME.mean</c> and <c>NAME.square</c>.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State =>
        slots.SelectMany(s => new[] { ($"{s.Name}.mean", s.Mean), ($"{s.Name}.square", s.Square) });

    /// <summary>Continues from saved moments.</summary>
    public void Restore(long steps, Func<string, Tensor> saved)
    {
        Steps = steps;
        foreach (var (name, tensor) in State)
        {
            using var source = saved(name);
            tensor.copy_(source);
        }
    }

    /// <summary>The Euclidean norm of all gradients times <paramref name="scale"/>.</summary>
    public unsafe double GradientNorm(double scale)
    {
        var total = 0.0;
        foreach (var slot in slots)
        {
            using var gradient = Gradient(slot);
            if (gradient is not null) total += SumOfSquares(TensorMemory.Floats(gradient), gradient.numel());
        }
        return Math.Sqrt(total) * scale;
    }

    /// <summary>One update; gradients are multiplied by <paramref name="scale"/> and cleared.</summary>
    public unsafe void Step(double learningRate, double scale)
    {
        Steps++;
        var correction1 = 1 - Math.Pow(options.Beta1, Steps);
        var correction2 = 1 - Math.Pow(options.Beta2, Steps);
        foreach (var slot in slots)
        {
            using var gradient = Gradient(slot);
            if (gradient is null) continue;
            Update(TensorMemory.Floats(slot.Weight), TensorMemory.Floats(gradient), TensorMemory.Floats(slot.Mean), TensorMemory.Floats(slot.Square),
                slot.Weight.numel(), new Constants(
                    (float)scale, (float)options.Beta1, (float)(1 - options.Beta1), (float)options.Beta2, (float)(1 - options.Beta2),
                    (float)(1 - learningRate * options.WeightDecay), (float)(learningRate / correction1), (float)(1 / Math.Sqrt(correction2)),
                    (float)options.Epsilon));
        }
        Clear();
    }

    /// <summary>Forgets the gradients.</summary>
    public void Clear()
    {
        foreach (var slot in slots)
        {
            using var gradient = slot.Weight.grad;
            if (gradient is not null) slot.Weight.grad = null;
        }
    }

    /// <summary>Frees the moments.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in State) tensor.Dispose();
    }

    private static Tensor? Gradient(Slot slot)
    {
        var gradient = slot.Weight.grad;
        if (gradient is null || gradient.is_contiguous()) return gradient;
        using (gradient) return gradient.contiguous();
    }

    private readonly record struct Constants(
        float Scale, float Beta1, float Rest1, float Beta2, float Rest2, float Decay, float Rate, float InverseRoot2, float Epsilon);

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

    private static unsafe double SumOfSquares(float* values, long count)
    {
        var sums = Vector256<double>.Zero;
        long i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Load(values + i));
            sums += low * low + high * high;
        }
        var total = Vector256.Sum(sums);
        for (; i < count; i++) total += (double)values[i] * values[i];
        return total;
    }
}
