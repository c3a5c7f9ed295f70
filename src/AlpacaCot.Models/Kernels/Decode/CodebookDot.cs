using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Products of an nf4 or fp4 matrix (Dettmers et al., 2023) with rounded activations, on the same bytes that training uses: two
/// codes per byte, the even element in the high half, blocks of 64 numbers <c>absmax · codebook[code]</c>. The sixteen codebook
/// values are stored in 14 bits as two tables of 7, so the error of a value is at most 1/16383 of the block's largest.
/// </summary>
internal static unsafe class CodebookDot
{
    /// <summary>The number of elements that share a scale.</summary>
    public const int Block = 2 * RoundedRows.Block;

    private const float Step = 2f / 16383;

    /// <summary>
    /// Splits a codebook with values in -1 .. 1 into two tables: the high and the low 7 bits of <c>(v + 1) / Step</c>.
    /// </summary>
    public static (Vector128<byte> High, Vector128<byte> Low) Tables(ReadOnlySpan<float> codebook)
    {
        Span<byte> high = stackalloc byte[16], low = stackalloc byte[16];
        for (var i = 0; i < 16; i++)
        {
            var value = (int)MathF.Round((codebook[i] + 1) / Step);
            (high[i], low[i]) = ((byte)(value >> 7), (byte)(value & 127));
        }
        return (Vector128.Create<byte>(high), Vector128.Create<byte>(low));
    }

    /// <summary><c>y[i, r] = Σ absmax · codebook[code] · x[i]</c> for the matrix rows [first, end).</summary>
    /// <param name="codes"><c>[rows, blocks, 32]</c>, two codes per byte.</param>
    /// <param name="absmax">fp32, <c>[rows, blocks]</c></param>
    /// <param name="tables">The tables from <see cref="Tables"/>.</param>
    /// <param name="blocks">The number of blocks of 64 per row.</param>
    /// <param name="x">The rounded activations, in the order <see cref="BlockOrder.EvenOdd"/>.</param>
    /// <param name="y"><c>[x.Count, stride]</c></param>
    /// <param name="stride">The number of rows of the whole matrix.</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">The index after the last row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(byte* codes, float* absmax, (Vector128<byte> High, Vector128<byte> Low) tables, int blocks,
        RoundedRows x, float* y, long stride, long first, long end)
    {
        var (high, low) = (Vector256.Create(tables.High, tables.High), Vector256.Create(tables.Low, tables.Low));
        for (var row = first; row < end; row += 2)
        {
            var r1 = Math.Min(row + 1, end - 1); // repeats the last row instead of passing the end
            for (var i = 0; i < x.Count; i++)
            {
                sbyte* xs = x.Codes + (long)i * x.Blocks * RoundedRows.Block;
                float* scales = x.Scales + (long)i * x.Blocks, sums = x.Sums + (long)i * x.Blocks;
                float* m0 = absmax + row * blocks, m1 = absmax + r1 * blocks;
                byte* c0 = codes + row * blocks * (Block / 2), c1 = codes + r1 * blocks * (Block / 2);
                Vector256<float> a0 = default, a1 = default;
                float offset0 = 0, offset1 = 0; // Σ (v - 1) x = Σ v x - Σ x
                for (var b = 0; b < blocks; b++, xs += Block, c0 += Block / 2, c1 += Block / 2)
                {
                    var (even, odd) = (scales[2 * b] * Step, scales[2 * b + 1] * Step);
                    var sum = sums[2 * b] + sums[2 * b + 1];
                    offset0 += m0[b] * sum;
                    offset1 += m1[b] * sum;
                    if (Avx2.IsSupported)
                    {
                        var (xe, xo) = (Vector256.Load(xs), Vector256.Load(xs + RoundedRows.Block));
                        a0 = Fma.MultiplyAdd(Pair(c0, xe, xo, high, low, even, odd), Vector256.Create(m0[b]), a0);
                        a1 = Fma.MultiplyAdd(Pair(c1, xe, xo, high, low, even, odd), Vector256.Create(m1[b]), a1);
                    }
                    else
                    {
                        a0 += PortableDot.Codes(c0, xs, tables, even, odd) * m0[b];
                        a1 += PortableDot.Codes(c1, xs, tables, even, odd) * m1[b];
                    }
                }
                y[i * stride + row] = Vector256.Sum(a0) - offset0;
                y[i * stride + r1] = Vector256.Sum(a1) - offset1;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Pair(byte* codes, Vector256<sbyte> xe, Vector256<sbyte> xo, Vector256<byte> high,
        Vector256<byte> low, float even, float odd)
    {
        var (bytes, mask) = (Vector256.Load(codes), Vector256.Create((byte)15));
        var first = Value(Avx2.ShiftRightLogical(bytes.AsUInt16(), 4).AsByte() & mask, xe, high, low);
        var second = Value(bytes & mask, xo, high, low);
        return Fma.MultiplyAdd(second, Vector256.Create(odd), first * even);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Value(Vector256<byte> code, Vector256<sbyte> x, Vector256<byte> high, Vector256<byte> low)
    {
        var coarse = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(high, code), x);
        var fine = Avx2.MultiplyAddAdjacent(Avx2.Shuffle(low, code), x);
        return Avx.ConvertToVector256Single(Avx2.MultiplyAddAdjacent(coarse, Vector256.Create((short)128))
            + Avx2.MultiplyAddAdjacent(fine, Vector256<short>.One));
    }
}
