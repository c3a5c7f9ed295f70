using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>One fp32 buffer per thread, in host memory, into which narrow weights are expanded one at a time.</summary>
internal static class ExpansionBuffer
{
    [ThreadStatic]
    private static Tensor? _buffer;

    /// <summary>
    /// Converts a weight to fp32. The result is a view of the buffer, valid until the next call on this thread.
    /// </summary>
    public static Tensor Expand(Tensor weight)
    {
        var view = Take(weight.shape);
        using (no_grad()) view.copy_(weight);
        return view;
    }

    /// <summary>Frees this thread's buffer; the next call takes a new one.</summary>
    public static void Release()
    {
        _buffer?.Dispose();
        _buffer = null;
    }

    /// <summary>Returns uninitialized space for a matrix, valid until the next call on this thread.</summary>
    public static Tensor Take(params long[] shape)
    {
        var count = shape.Aggregate(1L, (a, b) => a * b);
        if (_buffer is null || _buffer.numel() < count)
        {
            _buffer?.Dispose();
            _buffer = Tensors.Empty([count], ScalarType.Float32, CPU).DetachFromDisposeScope();
        }
        using var part = _buffer.narrow(0, 0, count);
        return part.view(shape);
    }
}
