using System.Diagnostics.CodeAnalysis;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Makes tensors. Each method names the device: libtorch's own factories take the CPU where none is given, which works until a
/// model is on another device, so <c>BannedSymbols.Factories.txt</c> forbids them elsewhere.
/// </summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "the one place that calls libtorch's factories")]
public static class Tensors
{
    /// <summary>A tensor with any content.</summary>
    public static Tensor Empty(ReadOnlySpan<long> shape, ScalarType type, Device device) => empty(shape.ToArray(), type, device);

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(ReadOnlySpan<long> shape, ScalarType type, Device device) => zeros(shape.ToArray(), type, device);

    /// <summary>A tensor of ones.</summary>
    public static Tensor Ones(ReadOnlySpan<long> shape, ScalarType type, Device device) => ones(shape.ToArray(), type, device);

    /// <summary>A tensor of one number.</summary>
    public static Tensor Full(ReadOnlySpan<long> shape, double value, ScalarType type, Device device) =>
        full(shape.ToArray(), Scalars.Number(value), type, device);

    /// <summary>Ones on the diagonal, <c>[rows, columns]</c>.</summary>
    public static Tensor Identity(long rows, long columns, ScalarType type, Device device) => eye(rows, columns, type, device);

    /// <summary>The whole numbers from <paramref name="start"/> until before <paramref name="end"/>.</summary>
    public static Tensor Range(long start, long end, Device device, ScalarType type = ScalarType.Int64) =>
        arange(Scalars.Number(start), Scalars.Number(end), Scalars.Number(1), type, device);

    /// <summary>Rows and columns of the numbers above a square matrix' diagonal, <c>[2, size · (size - 1) / 2]</c>.</summary>
    public static Tensor UpperTriangle(long size, Device device) => On(triu_indices(size, size, 1), device);

    /// <summary>A copy of numbers.</summary>
    public static Tensor Of(float[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(double[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(long[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(byte[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <summary>A copy of numbers in one dimension.</summary>
    public static Tensor Of(float[] values, Device device) => Of(values, [values.Length], device);

    /// <inheritdoc cref="Of(float[], Device)"/>
    public static Tensor Of(long[] values, Device device) => Of(values, [values.Length], device);

    /// <inheritdoc cref="Of(float[], Device)"/>
    public static Tensor Of(byte[] values, Device device) => Of(values, [values.Length], device);

    /// <summary>The same tensor where it is on the device already; else a copy there, and the original is freed.</summary>
    public static Tensor On(Tensor tensor, Device device)
    {
        if (tensor.device_type == device.type && (device.type == DeviceType.CPU || tensor.device == device)) return tensor;
        using (tensor) return tensor.to(device);
    }
}
