using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// The device of a model and the type of its activations. Weights keep their stored type; adapters, the statistics of norms,
/// softmax, rotary tables, logits, losses and optimizer states are fp32 everywhere.
/// </summary>
/// <param name="Device">The device of weights, activations and caches.</param>
/// <param name="Activations">The type between layers: fp32 or bf16.</param>
public sealed record Compute(Device Device, ScalarType Activations = ScalarType.Float32)
{
    /// <summary>The environment variable that chooses kernels on the CPU: <c>simd</c> (the default) or <c>torch</c>.</summary>
    public const string KernelsVariable = "ALPACACOT_KERNELS";

    private static readonly Lazy<bool> SimdOnCpu = new(() => Environment.GetEnvironmentVariable(KernelsVariable) switch
    {
        null or "" or "simd" => true,
        "torch" => false,
        var other => throw new InputException(
            $"{KernelsVariable} is '{other}'; allowed are simd (the default) and torch."),
    });

    /// <summary>The CPU, in fp32.</summary>
    public static Compute Cpu { get; } = new(CPU);

    /// <summary>Whether this is the CPU.</summary>
    public bool IsCpu => Device.type == DeviceType.CPU;

    /// <summary>
    /// Whether tensors on a device are computed by this project's own SIMD kernels, which read host memory. All other devices,
    /// and the CPU where <see cref="KernelsVariable"/> says so, use plain operations of libtorch.
    /// </summary>
    public static bool UsesSimd(DeviceType type) => type == DeviceType.CPU && SimdOnCpu.Value;

    /// <summary>As above, for the device of a tensor.</summary>
    public static bool UsesSimd(Tensor tensor) => UsesSimd(tensor.device_type);

    /// <summary>The device and a type of activations.</summary>
    public static Compute Of(Device device, ActivationType type) =>
        new(device, type == ActivationType.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32);

    /// <summary>Checks that the activation type is supported.</summary>
    /// <exception cref="InputException">The type is not supported.</exception>
    public void Check()
    {
        if (Activations is not (ScalarType.Float32 or ScalarType.BFloat16))
            throw new InputException($"Activations in {Activations} are not supported; Float32 and BFloat16 are.");
    }
}

/// <summary>The type of the activations between layers.</summary>
public enum ActivationType
{
    /// <summary>Four bytes for each number.</summary>
    Float32,

    /// <summary>Two bytes for each number: the range of fp32 with eight significant bits.</summary>
    BFloat16,
}
