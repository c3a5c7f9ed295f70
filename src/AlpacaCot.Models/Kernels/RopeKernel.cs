using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Splits a projection into heads and rotates them by their positions in one pass: <c>[b, s, heads · d] -> [b, heads, s, d]</c>.
/// The backward pass applies the inverse rotation and joins the heads.
/// </summary>
internal sealed unsafe class RopeKernel : autograd.SingleTensorFunction<RopeKernel>
{
    private sealed record RotaryTables(Tensor Cos, Tensor Sin, int Heads, bool Interleaved);

    public override string Name => nameof(RopeKernel);

    /// <param name="x"><c>[b, s, heads · d]</c></param>
    /// <param name="cos">
    /// <c>[s, r]</c>, or <c>[b, 1, s, r]</c> if each row has its own positions; the first r ≤ d dimensions are rotated. Kept
    /// until the backward pass.
    /// </param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="interleaved">Whether neighbouring dimensions are rotated together instead of the halves.</param>
    public static Tensor Apply(Tensor x, Tensor cos, Tensor sin, int heads, bool interleaved)
    {
        var tables = new RotaryTables(cos, sin, heads, interleaved);
        return is_grad_enabled() && x.requires_grad ? GraphNode.Of(() => apply(x, tables)) : Forward(x, tables);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(nameof(RotaryTables), vars[1]);
        return Forward((Tensor)vars[0], (RotaryTables)vars[1]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var tables = (RotaryTables)ctx.get_data(nameof(RotaryTables));
        var grad = grad_output.contiguous();
        var (b, h, s, d) = (grad.shape[0], grad.shape[1], grad.shape[2], grad.shape[3]);
        var result = Tensors.Empty([b, s, h * d], ScalarType.Float32, CPU);
        Run(TensorMemory.Floats(grad), TensorMemory.Floats(result), tables, b, s, h, d, forward: false);
        return GraphNode.Gradients(result, null);
    }

    private static Tensor Forward(Tensor x, RotaryTables tables)
    {
        using var input = x.contiguous();
        var (b, s, h) = (x.shape[0], x.shape[1], tables.Heads);
        var d = x.shape[2] / h;
        var result = Tensors.Empty([b, h, s, d], ScalarType.Float32, CPU);
        Run(TensorMemory.Floats(input), TensorMemory.Floats(result), tables, b, s, h, d, forward: true);
        return result;
    }

    private static void Run(float* from, float* to, RotaryTables tables, long b, long s, long h, long d, bool forward)
    {
        float* cos = TensorMemory.Floats(tables.Cos), sin = TensorMemory.Floats(tables.Sin);
        var (r, interleaved) = (tables.Cos.shape[^1], tables.Interleaved);
        var perRow = tables.Cos.dim() == 4 ? s * r : 0; // separate tables for each row
        Rows.Split(b * s, h * d * 2, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var (batch, position) = (row / s, row % s);
                float* c = cos + batch * perRow + position * r, n = sin + batch * perRow + position * r;
                for (long head = 0; head < h; head++)
                {
                    var joined = row * h * d + head * d;
                    var split = ((batch * h + head) * s + position) * d;
                    float* source = from + (forward ? joined : split), target = to + (forward ? split : joined);
                    if (interleaved) RotatePairs(source, target, c, n, r / 2, forward ? 1 : -1);
                    else RotateHalves(source, target, c, n, r / 2, forward ? 1 : -1);
                    for (var i = r; i < d; i++) target[i] = source[i];
                }
            }
        });
    }

    // (a, b) -> (a·cos - b·sin, b·cos + a·sin) for the two halves of a head; direction -1 is the transpose.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RotateHalves(float* from, float* to, float* cos, float* sin, long half, float direction)
    {
        long i = 0;
        for (; i + Vector256<float>.Count <= half; i += Vector256<float>.Count)
        {
            var (a, b) = (Vector256.Load(from + i), Vector256.Load(from + half + i));
            var (c, s) = (Vector256.Load(cos + i), Vector256.Load(sin + i) * direction);
            (a * c - b * s).Store(to + i);
            (b * c + a * s).Store(to + half + i);
        }
        for (; i < half; i++)
        {
            var s = sin[i] * direction;
            (to[i], to[half + i]) = (from[i] * cos[i] - from[half + i] * s, from[half + i] * cos[i] + from[i] * s);
        }
    }

    // As RotateHalves, for dimensions 2i and 2i + 1.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RotatePairs(float* from, float* to, float* cos, float* sin, long half, float direction)
    {
        for (long i = 0; i < half; i++)
        {
            var (a, b, c, s) = (from[2 * i], from[2 * i + 1], cos[i], sin[i] * direction);
            (to[2 * i], to[2 * i + 1]) = (a * c - b * s, b * c + a * s);
        }
    }
}
