using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Numbers as arguments of tensor operations. TorchSharp creates a <see cref="TorchSharp.Scalar"/> for each, which nothing keeps
/// alive while libtorch reads it: a garbage collection in another thread can free it, and the operation fails or computes with a
/// wrong number. Scalars created here stay alive until their thread has created many more; BannedSymbols.txt forbids others.
/// </summary>
public static class Scalars
{
    /// <summary>Far more than the arguments of one operation.</summary>
    private const int Kept = 64;

    private static readonly TorchSharp.Scalar One = TorchSharp.ScalarExtensionMethods.ToScalar(1);

    [ThreadStatic]
    private static TorchSharp.Scalar?[]? _ring;

    [ThreadStatic]
    private static int _next;

    /// <summary>A scalar that stays alive until this thread has created <see cref="Kept"/> more.</summary>
    public static TorchSharp.Scalar Number(double value) => Keep(TorchSharp.ScalarExtensionMethods.ToScalar(value));

    /// <inheritdoc cref="Number(double)"/>
    public static TorchSharp.Scalar Number(long value) => Keep(TorchSharp.ScalarExtensionMethods.ToScalar(value));

    /// <summary>The sum of two tensors, with broadcasting.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>Adds in place.</summary>
    /// <returns><paramref name="x"/>.</returns>
    public static Tensor PlusInPlace(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>The integers from <paramref name="start"/> to <paramref name="end"/> - 1, <c>[end -
    /// start]</c>.</summary>
    public static Tensor Range(long start, long end, Device device, ScalarType type = ScalarType.Int64) =>
        Tensors.Range(start, end, device, type);

    private static TorchSharp.Scalar Keep(TorchSharp.Scalar scalar)
    {
        _ring ??= new TorchSharp.Scalar[Kept];
        _next = (_next + 1) % Kept;
        return _ring[_next] = scalar;
    }
}
