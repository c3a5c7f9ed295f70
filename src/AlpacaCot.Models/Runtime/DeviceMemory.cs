using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>The memory of devices.</summary>
public static class DeviceMemory
{
    /// <summary>
    /// What a process on a CUDA device takes beside its tensors: the context with the kernels that are loaded, cuBLAS's and
    /// cuDNN's workspaces, and the fragments that libtorch's allocator cannot use. Not measured by this project yet.
    /// </summary>
    public const long CudaHeadroom = 1536L << 20;

    /// <summary>The memory in bytes that a run can have on a device: on a GPU its whole memory, of which the run takes
    /// <see cref="CudaHeadroom"/> beside its tensors; else what is free on the host.</summary>
    public static long Usable(Device device) => device.type == DeviceType.CUDA
        && NvidiaDriver.OfMachine.Gpus.ElementAtOrDefault(Math.Max(0, device.index)) is { } gpu
        ? gpu.MemoryBytes : Platform.UsableMemory;
}
