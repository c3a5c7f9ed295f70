using System.Numerics;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Rejects weights that are NaN or infinite. Such a model may not show the defect: fused attention can give finite, wrong values.
/// The scan is limited by memory bandwidth and reads only data that the first forward pass needs anyway.
/// </summary>
internal static class WeightValidation
{
    private const int Chunk = 1 << 20;

    /// <summary>Checks a weight after reading.</summary>
    /// <exception cref="InputException">A value is NaN or infinite; the message names the weight and index.</exception>
    public static void Require(Tensor weight, string path, string name)
    {
        if (FirstOther(weight) is { } at)
            throw new InputException(
                $"{path}: {name} is NaN or infinite at {IndexText(weight, at)}. The file is damaged, or the training " +
                "that wrote it diverged: copy or download it again, or take an earlier checkpoint.");
    }

    /// <summary>Checks a finite weight after its conversion to another type.</summary>
    /// <exception cref="InputException">A value exceeds the type's range.</exception>
    public static void RequireRange(Tensor converted, string name)
    {
        if (FirstOther(converted) is { } at)
            throw new InputException(
                $"{name} exceeds the range of {converted.dtype} at {IndexText(converted, at)}. Write it as bfloat16 " +
                "or float32.");
    }

    /// <summary>The flat index of the first value that is NaN or infinite; null for none.</summary>
    internal static unsafe long? FirstOther(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var plain = weight.cpu().contiguous();
        var (bytes, count) = ((nint)TensorMemory.Bytes(plain), plain.numel());
        return plain.dtype switch // in NaN and infinity every bit of the exponent is set
        {
            ScalarType.Float16 => First<ushort>(bytes, count, 0x7C00),
            ScalarType.BFloat16 => First<ushort>(bytes, count, 0x7F80),
            ScalarType.Float32 => First(bytes, count, 0x7F80_0000u),
            ScalarType.Float64 => First(bytes, count, 0x7FF0_0000_0000_0000ul),
            _ => null,
        };
    }

    private static unsafe long? First<T>(nint values, long count, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var found = long.MaxValue;
        var chunks = (count + Chunk - 1) / Chunk;
        if (chunks > 1) Parallel.For(0, chunks, Scan);
        else if (chunks == 1) Scan(0);
        return found == long.MaxValue ? null : found;

        void Scan(long chunk)
        {
            var start = chunk * Chunk;
            var span = new ReadOnlySpan<T>((T*)values + start, (int)Math.Min(Chunk, count - start));
            if (Index(span, exponent) is not (>= 0 and var index)) return;
            for (long current; (current = Interlocked.Read(ref found)) > start + index;)
                Interlocked.CompareExchange(ref found, start + index, current);
        }
    }

    private static int Index<T>(ReadOnlySpan<T> values, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var (mask, i) = (new Vector<T>(exponent), 0);
        while (i <= values.Length - Vector<T>.Count && !Vector.EqualsAny(new Vector<T>(values[i..]) & mask, mask))
            i += Vector<T>.Count;
        for (; i < values.Length; i++)
            if ((values[i] & exponent) == exponent) return i;
        return -1;
    }

    private static string IndexText(Tensor weight, long at)
    {
        var index = new long[weight.dim()];
        for (var d = index.Length - 1; d >= 0; at /= weight.shape[d--]) index[d] = at % weight.shape[d];
        return $"[{string.Join(", ", index)}]";
    }
}
