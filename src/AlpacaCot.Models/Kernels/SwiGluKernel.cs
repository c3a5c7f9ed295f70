using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// The gated unit of a SwiGLU feed-forward (Shazeer, 2020), <c>silu(gate) · up</c>, as one pass forward and one backward.
/// </summary>
internal sealed unsafe class SwiGluKernel : autograd.SingleTensorFunction<SwiGluKernel>
{
    public override string Name => nameof(SwiGluKernel);

    /// <summary><c>gate / (1 + exp(-gate)) · up</c>, element by element.</summary>
    public static Tensor Apply(Tensor gate, Tensor up) =>
        is_grad_enabled() && (gate.requires_grad || up.requires_grad) ? GraphNode.Of(() => apply(gate, up)) : Forward(gate, up);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_for_backward([(Tensor)vars[0], (Tensor)vars[1]]);
        return Forward((Tensor)vars[0], (Tensor)vars[1]);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var saved = ctx.get_saved_variables();
        var (gate, up, grad) = (saved[0].contiguous(), saved[1].contiguous(), grad_output.contiguous());
        var gateGradient = Tensors.Empty(gate.shape, ScalarType.Float32, CPU);
        var upGradient = Tensors.Empty(up.shape, ScalarType.Float32, CPU);
        float* gates = TensorMemory.Floats(gate), ups = TensorMemory.Floats(up), gs = TensorMemory.Floats(grad),
            toGate = TensorMemory.Floats(gateGradient), toUp = TensorMemory.Floats(upGradient);
        Rows.Split(gate.numel(), 4, (first, end) => Backward(gates, ups, gs, toGate, toUp, first, end));
        return GraphNode.Gradients(gateGradient, upGradient);
    }

    private static Tensor Forward(Tensor gate, Tensor up)
    {
        using var g = gate.contiguous();
        using var u = up.contiguous();
        var result = Tensors.Empty(gate.shape, ScalarType.Float32, CPU);
        float* gates = TensorMemory.Floats(g), ups = TensorMemory.Floats(u), outs = TensorMemory.Floats(result);
        Rows.Split(gate.numel(), 4, (first, end) => Forward(gates, ups, outs, first, end));
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Forward(float* gates, float* ups, float* outs, long first, long end)
    {
        var i = first;
        if (Avx512F.IsSupported)
            for (; i + Vector512<float>.Count <= end; i += Vector512<float>.Count)
            {
                var g = Vector512.Load(gates + i);
                (g / (Vector512<float>.One + Exponential.Of(-g)) * Vector512.Load(ups + i)).Store(outs + i);
            }
        for (; i + Vector256<float>.Count <= end; i += Vector256<float>.Count)
        {
            var g = Vector256.Load(gates + i);
            (g / (Vector256<float>.One + Vector256.Exp(-g)) * Vector256.Load(ups + i)).Store(outs + i);
        }
        for (; i < end; i++) outs[i] = gates[i] / (1 + MathF.Exp(-gates[i])) * ups[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Backward(float* gates, float* ups, float* gs, float* toGate, float* toUp, long first, long end)
    {
        var i = first;
        if (Avx512F.IsSupported)
            for (; i + Vector512<float>.Count <= end; i += Vector512<float>.Count)
            {
                var (g, u, d) = (Vector512.Load(gates + i), Vector512.Load(ups + i), Vector512.Load(gs + i));
                var sigmoid = Vector512<float>.One / (Vector512<float>.One + Exponential.Of(-g));
                var unit = d * sigmoid;
                (g * unit).Store(toUp + i);
                var slope = Vector512.FusedMultiplyAdd(g, Vector512<float>.One - sigmoid, Vector512<float>.One);
                (u * unit * slope).Store(toGate + i);
            }
        for (; i + Vector256<float>.Count <= end; i += Vector256<float>.Count)
        {
            var (g, u, d) = (Vector256.Load(gates + i), Vector256.Load(ups + i), Vector256.Load(gs + i));
            var sigmoid = Vector256<float>.One / (Vector256<float>.One + Vector256.Exp(-g));
            (d * g * sigmoid).Store(toUp + i);
            (d * u * sigmoid * (Vector256<float>.One + g * (Vector256<float>.One - sigmoid))).Store(toGate + i);
        }
        for (; i < end; i++)
        {
            var sigmoid = 1 / (1 + MathF.Exp(-gates[i]));
            toUp[i] = gs[i] * gates[i] * sigmoid;
            toGate[i] = gs[i] * ups[i] * sigmoid * (1 + gates[i] * (1 - sigmoid));
        }
    }
}
