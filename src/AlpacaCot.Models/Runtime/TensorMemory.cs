using System.Runtime.CompilerServices;
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

    /// <summary>The memory of a contiguous fp32 CPU tensor as int32; the tensor must outlive the result.</summary>
    internal static Tensor AsIntegers(Tensor tensor)
    {
        var data = Floats(tensor);
        fixed (long* sizes = tensor.shape)
            return Over(data, &Keep, sizes, (int)tensor.dim(), ScalarType.Int32);
    }

    /// <summary>A CPU tensor over memory of another owner.</summary>
    /// <param name="data">The first byte.</param>
    /// <param name="deleter">Called with that address when the tensor is freed.</param>
    /// <param name="sizes">The shape.</param>
    /// <param name="dimensions">Its length.</param>
    /// <param name="type">The type of the numbers.</param>
    internal static Tensor Over(
        void* data, delegate* unmanaged[Cdecl]<void*, void> deleter, long* sizes, int dimensions, ScalarType type)
    {
        var handle = NewTensor(data, deleter, sizes, dimensions, (sbyte)type, (sbyte)type, 0, 0, 0);
        if (handle != IntPtr.Zero) return Tensor.UnsafeCreateTensor(handle);
        CheckForErrors();
        throw new InvalidOperationException("libtorch created no tensor");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Keep(void* address) { }

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_new")]
    private static partial IntPtr NewTensor(void* data, delegate* unmanaged[Cdecl]<void*, void> deleter,
        long* sizes, int dimensions, sbyte storedType, sbyte dtype, int deviceType, int deviceIndex, byte requiresGrad);

    [LibraryImport("LibTorchSharp", EntryPoint = "THSTensor_data")]
    private static partial void* Data(IntPtr tensor);
}
