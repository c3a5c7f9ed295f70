using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Raw addresses of tensor memory for kernels. The tensor must be contiguous, on the CPU and stay alive during the use; writes
/// bypass autograd's version counter, so only buffers that no graph has saved may be written. A tensor on another device is
/// rejected.
/// </summary>
public static unsafe partial class TensorMemory
{
    /// <summary>The first element of a contiguous fp32 CPU tensor.</summary>
    public static float* Floats(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Float32 || !tensor.is_contiguous())
            throw new ArgumentException("a contiguous fp32 tensor is required", nameof(tensor));
        return (float*)Bytes(tensor);
    }

    /// <summary>The first element of a contiguous int64 CPU tensor.</summary>
    public static long* Longs(Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Int64 || !tensor.is_contiguous())
            throw new ArgumentException("a contiguous int64 tensor is required", nameof(tensor));
        return (long*)Bytes(tensor);
    }

    /// <summary>The first byte of a contiguous CPU tensor of any type.</summary>
    public static byte* Bytes(Tensor tensor)
    {
        if (tensor.device_type != TorchSharp.DeviceType.CPU)
            throw new ArgumentException($"the tensor is on {tensor.device_type}; only CPU memory can be read: use " +
                "tensor.cpu(), or an operation of libtorch", nameof(tensor));
        return (byte*)Data(tensor.Handle);
    }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial void* Data(IntPtr tensor);
}
