using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The inner loops of the optimizers in SIMD, with one pass over host memory for each tensor.</summary>
internal sealed unsafe class CpuUpdateKernels : IUpdateKernels
{
    public double SumOfSquares(Tensor tensor) => SumOfSquares(TensorMemory.Floats(tensor), tensor.numel());

    public void AdamW(Tensor weight, Tensor gradient, Tensor mean, Tensor square, AdamWConstants constants) =>
        AdamW(TensorMemory.Floats(weight), TensorMemory.Floats(gradient), TensorMemory.Floats(mean), TensorMemory.Floats(square),
            weight.numel(), constants);

    public void AdamW8Bit(
        Tensor weight, Tensor gradient, CodedMoment mean, CodedMoment square, int block, AdamWConstants constants)
    {
        var (count, blocks) = (weight.numel(), (int)mean.Scales.numel());
        var (w, g) = ((nint)TensorMemory.Floats(weight), (nint)TensorMemory.Floats(gradient));
        var (m, v) = ((nint)TensorMemory.Bytes(mean.Codes), (nint)TensorMemory.Bytes(square.Codes));
        var (ms, vs) = ((nint)TensorMemory.Floats(mean.Scales), (nint)TensorMemory.Floats(square.Scales));
        Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, b =>
        {
            var at = (long)b * block;
            AdamWBlock((float*)w + at, (float*)g + at, (byte*)m + at, (byte*)v + at, (float*)ms + b, (float*)vs + b,
                (int)Math.Min(block, count - at), constants);
        });
    }

    public void Lion(Tensor weight, Tensor gradient, Tensor mean, LionConstants constants) =>
        Lion(TensorMemory.Floats(weight), TensorMemory.Floats(gradient), TensorMemory.Floats(mean), weight.numel(), constants);

    private static double SumOfSquares(float* values, long count)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AdamW(float* weight, float* gradient, float* mean, float* square, long count, AdamWConstants c)
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AdamWBlock(float* weight, float* gradient, byte* mean, byte* square, float* meanScale,
        float* squareScale, int count, AdamWConstants c)
    {
        var means = stackalloc float[count];
        var squares = stackalloc float[count];
        var (signed, unsigned) = (Codebook.DynamicSigned.Values, Codebook.DynamicUnsigned.Values);
        for (var i = 0; i < count; i++)
        {
            var g = gradient[i] * c.Scale;
            means[i] = signed[mean[i]] * *meanScale * c.Beta1 + c.Rest1 * g;
            squares[i] = unsigned[square[i]] * *squareScale * c.Beta2 + c.Rest2 * (g * g);
            weight[i] = weight[i] * c.Decay + c.Rate * (means[i] / (MathF.Sqrt(squares[i]) + c.Epsilon));
        }
        BlockQuantizer.QuantizeBlock(means, count, Codebook.DynamicSigned, mean, meanScale);
        BlockQuantizer.QuantizeBlock(squares, count, Codebook.DynamicUnsigned, square, squareScale);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Lion(float* w, float* g, float* m, long count, LionConstants c)
    {
        var (scale, rate, decay, b1, rest1, b2, rest2) = (c.Scale, c.Rate, c.Decay, c.Beta1, c.Rest1, c.Beta2, c.Rest2);
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
