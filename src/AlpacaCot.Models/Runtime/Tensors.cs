using System.Diagnostics.CodeAnalysis;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Creates tensors. Each method requires the device: libtorch's own factories default to the CPU, which fails with a
/// model on another device, so <c>BannedSymbols.Factories.txt</c> forbids them elsewhere.
/// </summary>
[SuppressMessage("ApiDesign", "RS0030", Justification = "the only code that calls libtorch's factories")]
public static class Tensors
{
    /// <summary>An uninitialized tensor.</summary>
    public static Tensor Empty(ReadOnlySpan<long> shape, ScalarType type, Device device) => empty(shape.ToArray(), type, device);

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(ReadOnlySpan<long> shape, ScalarType type, Device device) => zeros(shape.ToArray(), type, device);

    /// <summary>A tensor of ones.</summary>
    public static Tensor Ones(ReadOnlySpan<long> shape, ScalarType type, Device device) => ones(shape.ToArray(), type, device);

    /// <summary>A tensor with all elements equal to <paramref name="value"/>.</summary>
    public static Tensor Full(ReadOnlySpan<long> shape, double value, ScalarType type, Device device) =>
        full(shape.ToArray(), Scalars.Number(value), type, device);

    /// <summary>Ones on the diagonal, <c>[rows, columns]</c>.</summary>
    public static Tensor Identity(long rows, long columns, ScalarType type, Device device) => eye(rows, columns, type, device);

    /// <summary>The integers from <paramref name="start"/> to <paramref name="end"/> - 1, <c>[end - start]</c>.</summary>
    public static Tensor Range(long start, long end, Device device, ScalarType type = ScalarType.Int64) =>
        arange(Scalars.Number(start), Scalars.Number(end), Scalars.Number(1), type, device);

    /// <summary>The row and column indices of the elements above a square matrix's diagonal, <c>[2, size · (size - 1) /
    /// 2]</c>.</summary>
    public static Tensor UpperTriangle(long size, Device device) => On(triu_indices(size, size, 1), device);

    /// <summary>A copy of an array, in row-major order.</summary>
    public static Tensor Of(float[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(double[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(long[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <inheritdoc cref="Of(float[], ReadOnlySpan{long}, Device)"/>
    public static Tensor Of(byte[] values, ReadOnlySpan<long> shape, Device device) => On(tensor(values, shape), device);

    /// <summary>A one-dimensional copy of an array.</summary>
    public static Tensor Of(float[] values, Device device) => Of(values, [values.Length], device);

    /// <inheritdoc cref="Of(float[], Device)"/>
    public static Tensor Of(long[] values, Device device) => Of(values, [values.Length], device);

    /// <inheritdoc cref="Of(float[], Device)"/>
    public static Tensor Of(byte[] values, Device device) => Of(values, [values.Length], device);

    /// <summary>The tensor itself where it has the type, else a copy in the type; gradients flow through it.</summary>
    public static Tensor As(Tensor tensor, ScalarType type) => tensor.dtype == type ? tensor : tensor.to(type);

    /// <summary>Moves a tensor to a device; returns itself where it is already there, else a copy, and disposes the
    /// original.</summary>
    public static Tensor On(Tensor tensor, Device device)
    {
        if (tensor.device_type == device.type && (device.type == DeviceType.CPU || tensor.device == device)) return tensor;
        using (tensor) return tensor.to(device);
    }
}
