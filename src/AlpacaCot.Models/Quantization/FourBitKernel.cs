using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// The inner loops of the 4-bit formats. A byte contains two codes, the first in its high half; every block except a matrix's
/// last is a multiple of 16 bytes.
/// </summary>
internal static unsafe class FourBitKernel
{
    private const int BytesAtATime = 16;

    /// <summary>Computes the values of one block: <c>table[code] · scale</c>.</summary>
    /// <param name="packed">The codes.</param>
    /// <param name="count">The number of values in the block.</param>
    /// <param name="table">16 values.</param>
    /// <param name="scale">The block's scale.</param>
    /// <param name="values">Receives the values.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Expand(byte* packed, long count, float* table, float scale, float* values)
    {
        // 16 products for the table instead of one for each value.
        var scaled = stackalloc float[16];
        var (low, high) = (Vector256.Load(table) * scale, Vector256.Load(table + 8) * scale);
        low.Store(scaled);
        high.Store(scaled + 8);
        long i = 0;
        if (Avx512F.IsSupported)
        {
            var whole = Vector512.Load(scaled);
            for (; i + 2 * BytesAtATime <= count; i += 2 * BytesAtATime)
            {
                var (first, second) = Codes(packed + i / 2);
                Avx512F.PermuteVar16x32(whole, Avx512F.ConvertToVector512Int32(first)).Store(values + i); // reads 4 bits
                Avx512F.PermuteVar16x32(whole, Avx512F.ConvertToVector512Int32(second)).Store(values + i + 16);
            }
        }
        else if (Avx2.IsSupported)
        {
            for (; i + 2 * BytesAtATime <= count; i += 2 * BytesAtATime)
            {
                var (first, second) = Codes(packed + i / 2);
                Eight(first, values + i);
                Eight(Sse2.ShiftRightLogical128BitLane(first, 8), values + i + 8);
                Eight(second, values + i + 16);
                Eight(Sse2.ShiftRightLogical128BitLane(second, 8), values + i + 24);
            }
        }
        for (; i < count; i++) values[i] = scaled[(i & 1) == 0 ? packed[i / 2] >> 4 : packed[i / 2] & 15];

        void Eight(Vector128<byte> codes, float* to)
        {
            var index = Avx2.ConvertToVector256Int32(codes);
            Avx.BlendVariable(Avx2.PermuteVar8x32(low, index), Avx2.PermuteVar8x32(high, index),
                Vector256.ShiftLeft(index, 28).AsSingle()).Store(to);
        }
    }

    /// <summary>Computes the 8-bit codes of one block: <c>round(table[code] · factor)</c>.</summary>
    /// <param name="packed">The codes.</param>
    /// <param name="count">The number of values in the block.</param>
    /// <param name="table">16 values.</param>
    /// <param name="factor">The block's scale in units of the row's; all products are in ±127.</param>
    /// <param name="codes">Receives the codes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToInt8(byte* packed, long count, float* table, float factor, sbyte* codes)
    {
        var scaled = stackalloc sbyte[16];
        if (Avx512F.IsSupported)
            Avx512F.ConvertToVector128SByteWithSaturation(Avx512F.ConvertToVector512Int32(Vector512.Load(table) * factor))
                .Store(scaled);
        else
            for (var i = 0; i < 16; i++) scaled[i] = (sbyte)MathF.Round(table[i] * factor);
        var whole = Vector128.Load(scaled);
        long at = 0;
        if (Sse2.IsSupported)
            for (; at + 2 * BytesAtATime <= count; at += 2 * BytesAtATime)
            {
                var (first, second) = Codes(packed + at / 2);
                Vector128.Shuffle(whole, (first & Vector128.Create((byte)15)).AsSByte()).Store(codes + at);
                Vector128.Shuffle(whole, (second & Vector128.Create((byte)15)).AsSByte()).Store(codes + at + BytesAtATime);
            }
        for (; at < count; at++) codes[at] = scaled[(at & 1) == 0 ? packed[at / 2] >> 4 : packed[at / 2] & 15];
    }

    /// <summary>
    /// Quantizes one block: the rank of each number's nearest value is the number of boundaries below it.
    /// </summary>
    /// <param name="values">The block's numbers.</param>
    /// <param name="count">The number of values; an odd count is followed by a zero.</param>
    /// <param name="book">16 values.</param>
    /// <param name="packed">Receives the codes.</param>
    /// <returns>The scale: the largest absolute value.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(float* values, long count, Codebook book, byte* packed)
    {
        var scale = BlockQuantizer.LargestAbsolute(values, count);
        var inverse = scale > 0 ? 1 / scale : 0;
        var ranks = stackalloc int[8];
        fixed (float* boundaries = book.Boundaries)
        fixed (byte* codes = book.HalfByteCodes)
        {
            for (long i = 0; i < count; i += 8)
            {
                var left = (int)Math.Min(8, count - i);
                var numbers = left == 8 ? Vector256.Load(values + i) : Rest(values + i, left);
                numbers = Vector256.Min(Vector256.Max(numbers * inverse, -Vector256<float>.One), Vector256<float>.One);
                var below = Vector256<int>.Zero;
                for (var b = 0; b < 15; b++)
                    below -= Vector256.GreaterThan(numbers, Vector256.Create(boundaries[b])).AsInt32(); // true is -1
                below.Store(ranks);
                for (var pair = 0; pair < left; pair += 2)
                    packed[(i + pair) / 2] = (byte)((codes[ranks[pair]] << 4) | codes[ranks[pair + 1]]);
            }
        }
        return scale;
    }

    private static Vector256<float> Rest(float* values, int count)
    {
        var rest = Vector256<float>.Zero;
        for (var i = 0; i < count; i++) rest = rest.WithElement(i, values[i]);
        return rest;
    }

    // 16 bytes as 32 codes in order, one in the low half of each byte; the high halves are not used.
    private static (Vector128<byte> First, Vector128<byte> Second) Codes(byte* packed)
    {
        var low = Vector128.Load(packed);
        var high = Vector128.ShiftRightLogical(low.AsUInt16(), 4).AsByte();
        return (Sse2.UnpackLow(high, low), Sse2.UnpackHigh(high, low));
    }
}
