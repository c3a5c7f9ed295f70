using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>RMS norm as one pass forward and one backward, instead of six operations that each traverse memory.</summary>
internal sealed unsafe class RmsNormKernel : autograd.SingleTensorFunction<RmsNormKernel>
{
    private sealed record Saved(double Epsilon, bool WeightLearns);

    public override string Name => nameof(RmsNormKernel);

    /// <summary><c>x / sqrt(mean(x²) + ε) · weight</c> over the last dimension.</summary>
    public static Tensor Apply(Tensor x, Tensor weight, double epsilon) =>
        is_grad_enabled() && (x.requires_grad || weight.requires_grad)
            ? GraphNode.Of(() => apply(x, weight, new Saved(epsilon, weight.requires_grad)))
            : Forward(x, weight, epsilon, null);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight, saved) = ((Tensor)vars[0], (Tensor)vars[1], (Saved)vars[2]);
        var inverse = Tensors.Empty([x.numel() / weight.numel()], ScalarType.Float32, CPU);
        ctx.save_for_backward([x, weight, inverse]);
        ctx.save_data(nameof(Saved), saved);
        return Forward(x, weight, saved.Epsilon, inverse);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var saved = ctx.get_saved_variables();
        var (x, weight, inverse) = (saved[0].contiguous(), saved[1], saved[2]);
        var grad = grad_output.contiguous();
        var learns = ((Saved)ctx.get_data(nameof(Saved))).WeightLearns;
        var (width, rows) = (weight.numel(), inverse.numel());
        var result = Tensors.Empty(x.shape, ScalarType.Float32, CPU);
        float* xs = TensorMemory.Floats(x), ws = TensorMemory.Floats(weight), rs = TensorMemory.Floats(inverse),
            gs = TensorMemory.Floats(grad), outs = TensorMemory.Floats(result);
        Rows.Split(rows, width, (first, end) => Backward(xs, ws, rs, gs, outs, width, first, end));
        Tensor? weightGradient = null;
        if (learns)
        {
            weightGradient = Tensors.Zeros([width], ScalarType.Float32, CPU);
            WeightGradient(xs, rs, gs, TensorMemory.Floats(weightGradient), width, rows);
        }
        return GraphNode.Gradients(result, weightGradient, null);
    }

    private static Tensor Forward(Tensor x, Tensor weight, double epsilon, Tensor? inverse)
    {
        using var input = x.contiguous();
        var result = Tensors.Empty(x.shape, ScalarType.Float32, CPU);
        var (width, eps) = (weight.numel(), (float)epsilon);
        float* xs = TensorMemory.Floats(input), ws = TensorMemory.Floats(weight), outs = TensorMemory.Floats(result),
            rs = inverse is null ? null : TensorMemory.Floats(inverse);
        Rows.Split(x.numel() / width, width, (first, end) => Forward(xs, ws, outs, rs, width, eps, first, end));
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Forward(float* xs, float* ws, float* outs, float* rs, long width, float epsilon, long first, long end)
    {
        var step = Vector256<float>.Count;
        for (var row = first; row < end; row++)
        {
            float* x = xs + row * width, y = outs + row * width;
            var squares = Vector256<float>.Zero;
            long i = 0;
            for (; i + step <= width; i += step)
            {
                var v = Vector256.Load(x + i);
                squares = Vector256.FusedMultiplyAdd(v, v, squares);
            }
            var sum = Vector256.Sum(squares);
            for (; i < width; i++) sum += x[i] * x[i];
            var r = 1 / MathF.Sqrt(sum / width + epsilon);
            if (rs != null) rs[row] = r;
            for (i = 0; i + step <= width; i += step) (Vector256.Load(x + i) * r * Vector256.Load(ws + i)).Store(y + i);
            for (; i < width; i++) y[i] = x[i] * r * ws[i];
        }
    }

    // dx = r · (g·w) - x · r³ / width · Σ g·w·x
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Backward(float* xs, float* ws, float* rs, float* gs, float* outs, long width, long first, long end)
    {
        var step = Vector256<float>.Count;
        for (var row = first; row < end; row++)
        {
            float* x = xs + row * width, g = gs + row * width, y = outs + row * width;
            var dots = Vector256<float>.Zero;
            long i = 0;
            for (; i + step <= width; i += step)
                dots = Vector256.FusedMultiplyAdd(Vector256.Load(g + i) * Vector256.Load(ws + i), Vector256.Load(x + i), dots);
            var dot = Vector256.Sum(dots);
            for (; i < width; i++) dot += g[i] * ws[i] * x[i];
            var r = rs[row];
            var back = -r * r * r / width * dot;
            for (i = 0; i + step <= width; i += step)
                (Vector256.Load(g + i) * Vector256.Load(ws + i) * r + Vector256.Load(x + i) * back).Store(y + i);
            for (; i < width; i++) y[i] = g[i] * ws[i] * r + x[i] * back;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WeightGradient(float* xs, float* rs, float* gs, float* outs, long width, long rows)
    {
        var step = Vector256<float>.Count;
        for (long row = 0; row < rows; row++)
        {
            float* x = xs + row * width, g = gs + row * width;
            var r = rs[row];
            long i = 0;
            for (; i + step <= width; i += step)
                (Vector256.Load(outs + i) + Vector256.Load(x + i) * Vector256.Load(g + i) * r).Store(outs + i);
            for (; i < width; i++) outs[i] += x[i] * g[i] * r;
        }
    }
}
