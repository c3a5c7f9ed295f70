using System.Diagnostics;
using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>
/// The driver is read through a library with the driver API's functions, which a C compiler makes: two GPUs, or an error.
/// </summary>
public sealed class NvidiaDriverTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Gpus_are_described_without_libtorch()
    {
        var kernel = _folder.File("version");
        File.WriteAllText(kernel, "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n");
        var driver = NvidiaDriver.Read(Library(started: 0), kernel);
        Assert.Null(driver.Problem);
        Assert.Equal(("550.54.15", new Version(12, 4)), (driver.Version, driver.Cuda));
        Assert.Equal(
            [new Gpu("GPU of kind 0", 80L << 30, new(9, 0)), new Gpu("GPU of kind 1", 24L << 30, new(8, 9))], driver.Gpus);
    }

    [Theory]
    [InlineData(100, "finds no GPU"), InlineData(803, "restart the machine"), InlineData(42, "error 42")]
    public void An_error_of_the_driver_is_explained(int result, string text)
    {
        var driver = NvidiaDriver.Read(Library(result), _folder.File("none"));
        Assert.Empty(driver.Gpus);
        Assert.Contains(text, driver.Problem);
    }

    [Fact]
    public void A_missing_driver_is_told_from_a_missing_library()
    {
        Assert.Contains("no NVIDIA driver is installed", NvidiaDriver.Read("libno-such.so.1", _folder.File("none")).Problem);
        var kernel = _folder.File("version");
        File.WriteAllText(kernel, "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release Build\n");
        Assert.Contains("driver 570.86.10, but libno-such.so.1 is missing", NvidiaDriver.Read("libno-such.so.1", kernel).Problem);
    }

    private string Library(int started)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/cc"), "needs Linux with a C compiler");
        var (source, library) = (_folder.File($"driver{started}.c"), _folder.File($"libdriver{started}.so"));
        File.WriteAllText(source, $$"""
            #include <stdio.h>
            #include <string.h>
            int cuInit(unsigned flags) { return {{started}}; }
            int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
            int cuDeviceGetCount(int *count) { *count = 2; return 0; }
            int cuDeviceGet(int *device, int index) { *device = index + 7; return 0; }
            int cuDeviceGetName(char *name, int size, int device)
            { return snprintf(name, size, "GPU of kind %d", device - 7) < 0; }
            int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = (size_t)(device == 7 ? 80 : 24) << 30; return 0; }
            int cuDeviceGetAttribute(int *value, int attribute, int device)
            {
                *value = attribute == 75 ? (device == 7 ? 9 : 8) : attribute == 76 ? (device == 7 ? 0 : 9) : -1;
                return 0;
            }
            """);
        using var compiler = Process.Start("/usr/bin/cc", ["-shared", "-fPIC", "-o", library, source]);
        compiler.WaitForExit();
        Assert.Equal(0, compiler.ExitCode);
        return library;
    }
}
