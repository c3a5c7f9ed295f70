using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace AlpacaCot.Models.Runtime;

/// <summary>A GPU as the driver describes it.</summary>
/// <param name="Name">The name.</param>
/// <param name="MemoryBytes">Its memory.</param>
/// <param name="Capability">The compute capability, such as 9.0.</param>
public sealed record Gpu(string Name, long MemoryBytes, Version Capability);

/// <summary>
/// What NVIDIA's driver says, without libtorch: read from <c>libcuda.so.1</c>, which belongs to the driver, so that a machine
/// with a GPU is described by a build for the CPU too.
/// </summary>
/// <param name="Version">The driver's version, such as 550.54.15; null where the kernel does not say.</param>
/// <param name="Cuda">The newest CUDA release that the driver supports; null without a driver.</param>
/// <param name="Gpus">The GPUs, in the driver's order.</param>
/// <param name="Problem">Why no GPU is listed; null where there is one.</param>
public sealed unsafe partial record NvidiaDriver(string? Version, Version? Cuda, IReadOnlyList<Gpu> Gpus, string? Problem)
{
    private const string KernelFile = "/proc/driver/nvidia/version";

    private static readonly Lazy<NvidiaDriver> Machine = new(() =>
        Read(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", KernelFile));

    /// <summary>The driver of this machine, read once.</summary>
    public static NvidiaDriver OfMachine => Machine.Value;

    /// <summary>Reads a driver.</summary>
    /// <param name="library">The driver's library, a name or a path.</param>
    /// <param name="kernelFile">The file with the version of the kernel module.</param>
    internal static NvidiaDriver Read(string library, string kernelFile)
    {
        var version = File.Exists(kernelFile) && VersionNumber().Match(File.ReadAllText(kernelFile)) is { Success: true } found
            ? found.Value : null;
        if (!NativeLibrary.TryLoad(library, out var driver))
            return new(version, null, [], version is null ? $"no NVIDIA driver is installed ({library} is missing)"
                : $"the kernel has NVIDIA's driver {version}, but {library} is missing here; a container needs NVIDIA's runtime");
        int cuda = 0, count = 0;
        _ = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver, "cuDriverGetVersion"))(&cuda);
        var supported = new Version(cuda / 1000, cuda % 1000 / 10);
        var result = ((delegate* unmanaged<uint, int>)NativeLibrary.GetExport(driver, "cuInit"))(0);
        if (result == 0) result = ((delegate* unmanaged<int*, int>)NativeLibrary.GetExport(driver, "cuDeviceGetCount"))(&count);
        if (result != 0) return new(version, supported, [], Explain(result));
        var gpus = Enumerable.Range(0, count).Select(index => Describe(driver, index)).ToArray();
        return new(version, supported, gpus, gpus.Length > 0 ? null : Explain(NoDevice));
    }

    private const int NoDevice = 100;

    private static string Explain(int result) => result switch
    {
        NoDevice => "NVIDIA's driver finds no GPU; CUDA_VISIBLE_DEVICES may hide it",
        34 => "libcuda.so.1 is the stub of the CUDA toolkit, not the driver",
        803 => "the driver's library and its kernel module have different versions; restart the machine",
        804 => "the driver is too old for the CUDA compatibility library beside it",
        999 => "NVIDIA's driver does not start (error 999); restart the machine, or check nvidia-smi",
        _ => $"NVIDIA's driver does not start (error {result}); check nvidia-smi",
    };

    private static Gpu Describe(nint driver, int index)
    {
        const int major = 75, minor = 76; // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
        int device = 0, first = 0, second = 0;
        nuint bytes = 0;
        var name = stackalloc byte[256];
        _ = ((delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(driver, "cuDeviceGet"))(&device, index);
        _ = ((delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(driver, "cuDeviceGetName"))(name, 256, device);
        _ = ((delegate* unmanaged<nuint*, int, int>)NativeLibrary.GetExport(driver, "cuDeviceTotalMem_v2"))(&bytes, device);
        var attribute = (delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(driver, "cuDeviceGetAttribute");
        _ = attribute(&first, major, device);
        _ = attribute(&second, minor, device);
        var text = new ReadOnlySpan<byte>(name, 256);
        return new Gpu(Encoding.UTF8.GetString(text[..Math.Max(0, text.IndexOf((byte)0))]), (long)bytes,
            new Version(first, second));
    }

    [GeneratedRegex(@"\d+\.\d+(\.\d+)?")]
    private static partial Regex VersionNumber();
}
