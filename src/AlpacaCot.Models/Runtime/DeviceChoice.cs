using System.Collections.Concurrent;
using System.Globalization;
using AlpacaCot.Configuration;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>The words of recipes and options for devices, and the device that a word means on this machine.</summary>
public static class DeviceChoice
{
    /// <summary>The word for the first CUDA device where there is one, else the CPU.</summary>
    public const string Auto = "auto";

    /// <summary>The allowed words, for messages.</summary>
    public const string Allowed = "auto, cpu, cuda or cuda:N, such as cuda:1";

    /// <summary>The types of activations, by the words of recipes and options. Reading it loads no libtorch.</summary>
    public static Words<ActivationType> Types { get; } = Words<ActivationType>.LowerCase;

    /// <summary>The first compute capability with bf16 units.</summary>
    private static readonly Version Ampere = new(8, 0);

    private static readonly ConcurrentDictionary<int, bool> Tested = [];

    /// <summary>Whether a text is the word of a device, whatever devices there are.</summary>
    public static bool IsWord(string word) => word is Auto or "cpu" || CudaIndex(word) is not null || Other(word) is not null;

    /// <summary>Finds the device of a word and checks that it can compute in a type.</summary>
    /// <param name="word">The word; null: <see cref="Auto"/>.</param>
    /// <param name="type">The type of activations.</param>
    /// <exception cref="InputException">There is no such device here, or it cannot do this; the message names the
    /// remedy.</exception>
    public static Compute Of(string? word, ActivationType type = ActivationType.Float32)
    {
        Libtorch.EnsureLoaded();
        if (word is not null && Other(word) is { } other) return Compute.Of(other, type);
        word ??= Auto;
        if (word == "cpu" || (word == Auto && Libtorch.CudaDevices == 0)) return Compute.Of(CPU, type); // the driver is not asked
        var compute = Of(word, type, GpuState.OfMachine);
        if (Tested.TryAdd(compute.Device.index, true)) NumericSelfTest.Run(compute.Device);
        // Numbers of bf16 are exact in TF32, so fp32 products of them, the head's, lose nothing; fp32 models keep exact fp32.
        backends.cuda.matmul.allow_tf32 = type == ActivationType.BFloat16;
        return compute;
    }

    /// <summary>As above, on a machine in a given state.</summary>
    internal static Compute Of(string word, ActivationType type, GpuState gpus)
    {
        if (word == "cpu" || (word == Auto && gpus.Devices == 0)) return Compute.Of(CPU, type);
        if ((word == Auto ? 0 : CudaIndex(word)) is not { } index)
            throw new InputException($"device: found {word}, allowed is {Allowed}");
        if (gpus.Devices == 0)
            throw new InputException($"device {word} cannot be used: {gpus.Missing}. Loaded is {gpus.Libtorch.Description}"
                + (gpus is { Driver.Gpus.Count: 0, Libtorch.HasCuda: false }
                    ? $"; to change that, {GpuState.LibtorchRemedy}" : "")
                + ". `alpaca-cot doctor` shows what this machine has; device: cpu computes without a GPU.");
        if (index >= gpus.Devices)
            throw new InputException($"device {word} does not exist: this machine has {gpus.Devices} CUDA "
                + $"device{(gpus.Devices == 1 ? "" : "s")}, cuda:0{(gpus.Devices == 1 ? "" : $" to cuda:{gpus.Devices - 1}")}.");
        if (type == ActivationType.BFloat16 && gpus.Driver.Gpus.ElementAtOrDefault(index) is { } gpu && gpu.Capability < Ampere)
            throw new InputException($"dtype bfloat16 needs a GPU of compute capability 8.0 or newer, and {gpu.Name} has "
                + $"{gpu.Capability}: use dtype: float32.");
        return Compute.Of(new Device(DeviceType.CUDA, index), type);
    }

    /// <summary>Refuses what the SIMD kernels of the CPU alone can do.</summary>
    /// <param name="compute">The chosen device.</param>
    /// <param name="setting">The setting as the user wrote it.</param>
    /// <param name="remedy">What to use instead.</param>
    /// <exception cref="InputException">The device is not the CPU.</exception>
    public static void RequireCpu(Compute compute, string setting, string remedy)
    {
        if (!compute.IsCpu)
            throw new InputException($"{setting} is computed by instructions of the CPU, and the device is "
                + $"{Word(compute.Device)}: {remedy}, or use device: cpu.");
    }

    /// <summary>The word of a device, such as <c>cuda:0</c>.</summary>
    public static string Word(Device device) => device.type == DeviceType.CPU ? "cpu"
        : string.Create(CultureInfo.InvariantCulture, $"{device.type.ToString().ToLowerInvariant()}:{Math.Max(0, device.index)}");

    private static int? CudaIndex(string word) => word == "cuda" ? 0
        : word.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(word.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null;

    // A program can add a device of libtorch under a word of its own: the tests do.
    private static Device? Other(string word) => AppContext.GetData("AlpacaCot.Device." + word) as Device;
}
