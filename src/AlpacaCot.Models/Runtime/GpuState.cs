namespace AlpacaCot.Models.Runtime;

/// <summary>What of a GPU's use is there: the driver with its GPUs, and the loaded libtorch with the devices it finds.</summary>
/// <param name="Driver">The driver.</param>
/// <param name="Libtorch">The loaded libtorch.</param>
/// <param name="Devices">The CUDA devices that libtorch finds.</param>
public sealed record GpuState(NvidiaDriver Driver, LibtorchReport Libtorch, int Devices)
{
    /// <summary>How a libtorch with CUDA is had, for messages.</summary>
    public const string LibtorchRemedy = "set " + Runtime.Libtorch.FolderVariable + " to a libtorch with CUDA, such as PyTorch's "
        + "site-packages/torch/lib, or build with -p:LibtorchCuda=true";

    /// <summary>The state of this machine.</summary>
    public static GpuState OfMachine => new(NvidiaDriver.OfMachine, Runtime.Libtorch.Report, Runtime.Libtorch.CudaDevices);

    /// <summary>In one sentence what is missing for computing on a GPU; null where nothing is.</summary>
    public string? Missing => this switch
    {
        { Devices: > 0 } => null,
        { Driver.Gpus.Count: 0, Libtorch.HasCuda: true } => $"libtorch has CUDA, but {Driver.Problem}",
        { Driver.Gpus.Count: 0 } => Driver.Problem,
        { Libtorch.HasCuda: false } => $"the loaded libtorch computes on the CPU only: {LibtorchRemedy}",
        _ => $"libtorch has CUDA, but finds no device: the driver supports CUDA {Driver.Cuda}, and libtorch may be built for a "
            + "newer one, or CUDA_VISIBLE_DEVICES hides the GPU; update the driver, or use a libtorch for an older CUDA",
    };
}
