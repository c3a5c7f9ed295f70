using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>Sizes of tensors in memory and files.</summary>
internal static class TensorLayout
{
    /// <summary>The size of an element in bytes.</summary>
    public static int ItemSize(ScalarType dtype) => dtype switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), $"{dtype} has no plain storage"),
    };

    /// <summary>The size of a contiguous tensor in bytes; null as for <see cref="Extent"/>.</summary>
    public static long? ByteCount(ScalarType dtype, ReadOnlySpan<long> shape) => Extent(ItemSize(dtype), shape);

    /// <summary>
    /// <paramref name="unit"/> times the product of the sizes; null where a size is negative or the product overflows (that of
    /// the strides too, which matters for a tensor that is empty only because one dimension is 0).
    /// </summary>
    public static long? Extent(int unit, ReadOnlySpan<long> shape)
    {
        Int128 extent = unit;
        var empty = false;
        foreach (var size in shape)
        {
            if (size < 0) return null;
            empty |= size == 0;
            extent *= Math.Max(size, 1);
            if (extent > long.MaxValue) return null;
        }
        return empty ? 0 : (long)extent;
    }
}
