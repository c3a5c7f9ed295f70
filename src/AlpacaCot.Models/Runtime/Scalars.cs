using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// Numbers as arguments of tensor operations. TorchSharp makes a <see cref="TorchSharp.Scalar"/> of each, which nothing holds
/// while libtorch reads it: a garbage collection in another thread at that moment frees it, and the operation fails or computes
/// with another number. The numbers made here are held until their thread has made many more; BannedSymbols.txt forbids the rest.
/// </summary>
public static class Scalars
{
    /// <summary>Far more than one operation takes.</summary>
    private const int Kept = 64;

    private static readonly TorchSharp.Scalar One = TorchSharp.ScalarExtensionMethods.ToScalar(1);

    [ThreadStatic]
    private static TorchSharp.Scalar?[]? _ring;

    [ThreadStatic]
    private static int _next;

    /// <summary>A number that is held until this thread has made <see cref="Kept"/> more.</summary>
    public static TorchSharp.Scalar Number(double value) => Keep(TorchSharp.ScalarExtensionMethods.ToScalar(value));

    /// <inheritdoc cref="Number(double)"/>
    public static TorchSharp.Scalar Number(long value) => Keep(TorchSharp.ScalarExtensionMethods.ToScalar(value));

    /// <summary>The sum; the shapes are broadcast.</summary>
    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, One);

    /// <summary>Adds in place.</summary>
    /// <returns><paramref name="x"/>.</returns>
    public static Tensor PlusInPlace(this Tensor x, Tensor y) => x.add_(y, One);

    /// <summary>The whole numbers from <paramref name="start"/> until before <paramref name="end"/>, <c>[end -
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
