using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Runtime;

/// <summary>What each word of a device means, and what is refused with which reason, on machines of every kind.</summary>
public sealed class DeviceChoiceTests
{
    private static readonly Gpu Ada = new("NVIDIA L4", 24L << 30, new(8, 9)), Turing = new("NVIDIA T4", 16L << 30, new(7, 5));
    private static readonly NvidiaDriver None = new(null, null, [], "no NVIDIA driver is installed (libcuda.so.1 is missing)");
    private static readonly LibtorchReport ForCpu = new() { Folder = "/app" },
        ForCuda = new() { Folder = "/venv/torch/lib", External = true, HasCuda = true };

    private static readonly GpuState Bare = new(None, ForCpu, 0), DriverOnly = new(Driver(Ada), ForCpu, 0),
        LibtorchOnly = new(None, ForCuda, 0), Mismatch = new(Driver(Ada), ForCuda, 0), Two = new(Driver(Ada, Turing), ForCuda, 2);

    private static NvidiaDriver Driver(params Gpu[] gpus) => new("550.54.15", new(12, 4), gpus, null);

    [Fact]
    public void Auto_is_the_first_gpu_that_libtorch_can_use()
    {
        Assert.Equal(DeviceType.CUDA, Of("auto", Two).Device.type);
        Assert.Equal(0, Of("auto", Two).Device.index);
        Assert.All((GpuState[])[Bare, DriverOnly, LibtorchOnly, Mismatch], machine => Assert.True(Of("auto", machine).IsCpu));
        Assert.Equal(1, Of("cuda:1", Two).Device.index);
        Assert.True(Of("cpu", Two).IsCpu);
        Assert.Equal(ScalarType.BFloat16, DeviceChoice.Of("cuda", ActivationType.BFloat16, Two).Activations);
        Assert.Equal(("cuda:1", "cpu"), (DeviceChoice.Word(Of("cuda:1", Two).Device), DeviceChoice.Word(CPU)));
    }

    public static TheoryData<string, string, string, string> Refused => new()
    {
        { nameof(Bare), "cuda", "no NVIDIA driver is installed", "for the CPU" },
        { nameof(DriverOnly), "cuda", "the loaded libtorch computes on the CPU only", "set ALPACACOT_LIBTORCH" },
        { nameof(DriverOnly), "cuda", "-p:LibtorchCuda=true", "`alpaca-cot doctor`" },
        { nameof(LibtorchOnly), "cuda:0", "libtorch has CUDA, but no NVIDIA driver", "/venv/torch/lib" },
        { nameof(Mismatch), "cuda", "the driver supports CUDA 12.4", "update the driver" },
        { nameof(Two), "cuda:3", "this machine has 2 CUDA devices", "cuda:0 to cuda:1" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_device_that_is_not_there_is_refused_with_the_reason_and_the_remedy(
        string machine, string word, string reason, string remedy)
    {
        var state = machine switch
        {
            nameof(Bare) => Bare, nameof(DriverOnly) => DriverOnly, nameof(LibtorchOnly) => LibtorchOnly,
            nameof(Mismatch) => Mismatch, _ => Two,
        };
        var refused = Assert.Throws<InputException>(() => Of(word, state));
        Assert.Contains(reason, refused.Message);
        Assert.Contains(remedy, refused.Message);
    }

    [Fact]
    public void A_gpu_without_bf16_units_is_named()
    {
        var refused = Assert.Throws<InputException>(() => DeviceChoice.Of("cuda:1", ActivationType.BFloat16, Two));
        Assert.Contains("NVIDIA T4 has 7.5: use dtype: float32", refused.Message);
        Assert.Equal(ScalarType.Float32, Of("cuda:1", Two).Activations);
    }

    [Theory]
    [InlineData("auto", true), InlineData("cpu", true), InlineData("cuda", true), InlineData("cuda:12", true)]
    [InlineData("cuda:", false), InlineData("cuda:-1", false), InlineData("cuda: 1", false), InlineData("gpu", false)]
    [InlineData("CUDA", false), InlineData("cuda:99999999999", false)]
    public void Only_words_of_devices_are_allowed(string word, bool allowed) => Assert.Equal(allowed, DeviceChoice.IsWord(word));

    [Fact]
    public void What_only_the_cpu_can_do_is_refused_elsewhere_by_its_name()
    {
        DeviceChoice.RequireCpu(Compute.Cpu, "--weights int8", "use --quantization int8");
        var refused = Assert.Throws<InputException>(() =>
            DeviceChoice.RequireCpu(Of("cuda:1", Two), "--weights int8", "use --quantization int8"));
        Assert.Equal("--weights int8 is computed by instructions of the CPU, and the device is cuda:1: "
            + "use --quantization int8, or use device: cpu.", refused.Message);
    }

    [Fact]
    public void This_machine_has_a_device_that_computes()
    {
        var compute = DeviceChoice.Of(null);
        Assert.Equal(Libtorch.CudaDevices > 0 ? DeviceType.CUDA : DeviceType.CPU, compute.Device.type);
    }

    private static Compute Of(string word, GpuState machine) => DeviceChoice.Of(word, ActivationType.Float32, machine);
}

/// <summary>The self-test passes on the device of the tests.</summary>
public sealed class SelfTestTests
{
    [Fact]
    public void It_passes() => NumericSelfTest.Run(TestDevice.Device);
}
