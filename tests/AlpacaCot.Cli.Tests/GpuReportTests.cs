using AlpacaCot.Cli.Machine;
using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Cli.Tests;

/// <summary><c>doctor</c>'s row about GPUs, on machines of every kind.</summary>
public sealed class GpuReportTests
{
    private static readonly Gpu Hopper = new("NVIDIA H100 80GB HBM3", 80L << 30, new(9, 0));
    private static readonly NvidiaDriver Driver = new("550.54.15", new(12, 4), [Hopper], null);
    private static readonly LibtorchReport ForCpu = new() { Folder = "/app" },
        ForCuda = new() { Folder = "/venv/torch/lib", External = true, HasCuda = true };

    [Fact]
    public void A_gpu_in_use_is_described()
    {
        var row = MachineReport.Gpu(new(Driver, ForCuda, 1), [], 1);
        Assert.Equal(FindingState.Ok, row.State);
        Assert.Equal("cuda:0 NVIDIA H100 80GB HBM3, 80.0 GB, compute capability 9.0; driver 550.54.15 for CUDA up to 12.4",
            row.Value);
        Assert.Contains("libtorch in /venv/torch/lib (ALPACACOT_LIBTORCH), with CUDA", row.Note);
    }

    [Fact]
    public void What_is_missing_is_said_in_one_sentence_with_a_command_that_helps()
    {
        FoundLibtorch torch = new("/opt/conda/lib/python3.12/site-packages/torch/lib", "2.10.0+cu128", true);
        var row = MachineReport.Gpu(new(Driver, ForCpu, 0), [torch], 1);
        Assert.Equal(FindingState.Warning, row.State);
        Assert.StartsWith("not used: the loaded libtorch computes on the CPU only", row.Note);
        Assert.Equal("export ALPACACOT_LIBTORCH=/opt/conda/lib/python3.12/site-packages/torch/lib", row.Remedy);
        Assert.Equal("", MachineReport.Gpu(new(Driver, ForCpu, 0), [], 1).Remedy);

        var absent = new NvidiaDriver(null, null, [], "no NVIDIA driver is installed (libcuda.so.1 is missing)");
        row = MachineReport.Gpu(new(absent, ForCpu, 0), [], 2);
        Assert.Equal((FindingState.Warning, "2 NVIDIA device file(s); driver of unknown version", "apt install nvidia-driver"),
            (row.State, row.Value, row.Remedy));
        Assert.Equal((FindingState.Optional, "none"),
            (MachineReport.Gpu(new(absent, ForCpu, 0), [], 0).State, MachineReport.Gpu(new(absent, ForCpu, 0), [], 0).Value));
        Assert.Contains("update the driver", MachineReport.Gpu(new(Driver, ForCuda, 0), [], 1).Note);
    }
}
