using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using AlpacaCot.Models.Kernels;

namespace AlpacaCot.Models.Quantization;

/// <summary>Block-wise quantization to eight bits (Dettmers et al., 2021): each block is scaled to [-1, 1] by its largest
/// magnitude.</summary>
public static unsafe class BlockQuantizer
{
    /// <summary>Quantizes values in parallel over blocks.</summary>
    /// <param name="values">The values, <paramref name="count"/> of them.</param>
    /// <param name="count">The number of values.</param>
    /// <param name="block">The number of values that share a scale.</param>
    /// <param name="book">256 values in [-1, 1].</param>
    /// <param name="codes">Receives a code for each value.</param>
    /// <param name="scales">Receives the largest absolute value of each block.</param>
    public static void Quantize(float* values, long count, int block, Codebook book, byte* codes, float* scales) =>
        Rows.Split((count + block - 1) / block, block * 8, (first, end) =>
        {
            for (var at = first * block; at < Math.Min(end * block, count); at += block)
                QuantizeBlock(values + at, Math.Min(block, count - at), book, codes + at, scales + at / block);
        });

    /// <summary>Quantizes one block.</summary>
    /// <param name="values">The values of the block.</param>
    /// <param name="count">The number of values.</param>
    /// <param name="book">256 values in [-1, 1].</param>
    /// <param name="codes">Receives a code for each value.</param>
    /// <param name="scale">Receives the largest absolute value.</param>
    public static void QuantizeBlock(float* values, long count, Codebook book, byte* codes, float* scale)
    {
        *scale = LargestAbsolute(values, count);
        var inverse = *scale > 0 ? 1 / *scale : 0;
        for (long i = 0; i < count; i++) codes[i] = book.Nearest(Math.Clamp(values[i] * inverse, -1, 1));
    }

    /// <summary>Computes the values of codes and scales.</summary>
    public static void Dequantize(byte* codes, float* scales, long count, int block, Codebook book, float* values)
    {
        fixed (float* table = book.Values)
            for (long i = 0; i < count; i++) values[i] = table[codes[i]] * scales[i / block];
    }

    /// <summary>The largest absolute value; 0 for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float LargestAbsolute(float* values, long count)
    {
        var maxima = Vector256<float>.Zero;
        long i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
            maxima = Vector256.Max(maxima, Vector256.Abs(Vector256.Load(values + i)));
        var largest = 0f;
        for (var lane = 0; lane < Vector256<float>.Count; lane++) largest = MathF.Max(largest, maxima[lane]);
        for (; i < count; i++) largest = MathF.Max(largest, MathF.Abs(values[i]));
        return largest;
    }
}
