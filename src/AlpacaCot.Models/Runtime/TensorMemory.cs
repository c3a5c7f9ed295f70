using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Raw addresses of tensor memory for kernels. The tensor must be contiguous, on the CPU and outlive the use; writes bypass
/// autograd's version counter, so only buffers that no graph has saved may be written.
/// </summary>
public static unsafe partial class TensorMemory
{
    /// <summary>The first element of a contiguous fp32 CPU tensor.</summary>
    public static float* Floats(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Float32 || !tensor.is_contiguous())
            throw new ArgumentException("a contiguous fp32 tensor is needed", nameof(tensor));
        return (float*)Data(tensor.Handle);
    }

    /// <summary>The first element of a contiguous int64 CPU tensor.</summary>
    public static long* Longs(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Int64 || !tensor.is_contiguous())
            throw new ArgumentException("a contiguous int64 tensor is needed", nameof(tensor));
        return (long*)Data(tensor.Handle);
    }

    /// <summary>The first byte of a contiguous CPU tensor of any type.</summary>
    public static byte* Bytes(Tensor tensor) => (byte*)Data(tensor.Handle);

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial void* Data(IntPtr tensor);
}
