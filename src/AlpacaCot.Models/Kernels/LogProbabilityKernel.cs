using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// The log-probability of one target per row of logits. If a backward pass follows, the forward pass overwrites the logits with
/// softmax minus one-hot, so the vocabulary-wide matrix exists once instead of three times.
/// </summary>
internal sealed unsafe class LogProbabilityKernel : autograd.SingleTensorFunction<LogProbabilityKernel>
{
    private sealed record Saved(Tensor Logits);

    public override string Name => nameof(LogProbabilityKernel);

    /// <summary><c>log softmax(logits)[target]</c> of each row, <c>[n]</c>, fp64.</summary>
    /// <param name="logits"><c>[n, vocabulary]</c>; owned by the call, which overwrites it if a backward pass follows.</param>
    /// <param name="targets"><c>[n]</c>, int64.</param>
    public static Tensor Apply(Tensor logits, Tensor targets) =>
        is_grad_enabled() && logits.requires_grad
            ? GraphNode.Of(() => apply(logits, targets)) : Forward(logits, targets, overwrite: false);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var logits = (Tensor)vars[0];
        // Kept by reference: the forward pass overwrites this memory with the values that backward needs.
        ctx.save_data(nameof(Saved), new Saved(logits.alias().DetachFromDisposeScope()));
        return Forward(logits, (Tensor)vars[1], overwrite: true);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var gradient = ((Saved)ctx.get_data(nameof(Saved))).Logits; // of -log p: softmax - one-hot
        var factors = -ownedGradient;
        // The sum of negative log-likelihoods, the most common loss, needs no second pass over the matrix.
        if (!factors.eq(Number(1)).all().item<bool>()) gradient.mul_(factors.to(ScalarType.Float32).unsqueeze(1));
        return GraphNode.Gradients(gradient, null);
    }

    private static Tensor Forward(Tensor logits, Tensor targets, bool overwrite)
    {
        var (rows, width) = (logits.shape[0], logits.shape[1]);
        var result = Tensors.Empty([rows], ScalarType.Float64, CPU);
        var values = TensorMemory.Floats(logits);
        var targetIds = TensorMemory.Longs(targets);
        var to = (double*)TensorMemory.Bytes(result);
        Rows.Split(rows, width * 4, (first, end) =>
        {
            for (var row = first; row < end; row++) to[row] = Row(values + row * width, width, targetIds[row], overwrite);
        });
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static double Row(float* logits, long width, long target, bool overwrite)
    {
        var step = Vector256<float>.Count;
        var maxima = Vector256.Create(float.NegativeInfinity);
        long i = 0;
        for (; i + step <= width; i += step) maxima = Vector256.Max(maxima, Vector256.Load(logits + i));
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < step; lane++) max = MathF.Max(max, maxima[lane]);
        for (; i < width; i++) max = MathF.Max(max, logits[i]);

        var targetLogit = logits[target];
        var sums = Vector256<float>.Zero;
        for (i = 0; i + step <= width; i += step)
        {
            var e = Vector256.Exp(Vector256.Load(logits + i) - Vector256.Create(max));
            sums += e;
            if (overwrite) e.Store(logits + i);
        }
        var sum = Vector256.Sum(sums);
        for (; i < width; i++)
        {
            var e = MathF.Exp(logits[i] - max);
            sum += e;
            if (overwrite) logits[i] = e;
        }
        if (overwrite)
        {
            var scale = 1 / sum;
            for (i = 0; i + step <= width; i += step) (Vector256.Load(logits + i) * scale).Store(logits + i);
            for (; i < width; i++) logits[i] *= scale;
            logits[target] -= 1;
        }
        return -(Math.Log(sum) + max - targetLogit);
    }
}
