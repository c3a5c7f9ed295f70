using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Products of an int8 matrix whose rows have one scale each (LLM.int8; Dettmers et al., 2022) with rounded rows, from the very
/// bytes that training reads. Four rows of the matrix go together, so that the activations are loaded once for them.
/// </summary>
internal static unsafe class RowInt8Dot
{
    private const int Block = RoundedRows.Block;

    /// <summary><c>y[i, r] = scale[r] · Σ code · x[i]</c> for the matrix rows [first, end).</summary>
    /// <param name="codes"><c>[rows, blocks, 32]</c></param>
    /// <param name="scales">fp32, <c>[rows]</c></param>
    /// <param name="unit">A factor on all scales.</param>
    /// <param name="blocks">Blocks a row.</param>
    /// <param name="x">The activations.</param>
    /// <param name="y"><c>[x.Count, rows]</c></param>
    /// <param name="rows">Rows of the whole matrix.</param>
    /// <param name="first">The first row.</param>
    /// <param name="end">After the last row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(sbyte* codes, float* scales, float unit, int blocks, RoundedRows x, float* y, long rows, long first,
        long end)
    {
        var width = (long)blocks * Block;
        for (var row = first; row < end; row += 4)
        {
            // The last rows stand in for those beyond the end; their results are written twice.
            long r1 = Math.Min(row + 1, end - 1), r2 = Math.Min(row + 2, end - 1), r3 = Math.Min(row + 3, end - 1);
            sbyte* c0 = codes + row * width, c1 = codes + r1 * width, c2 = codes + r2 * width, c3 = codes + r3 * width;
            for (var i = 0; i < x.Count; i++)
            {
                sbyte* xs = x.Codes + (long)i * x.Blocks * Block;
                byte* amounts = x.Amounts + (long)i * x.Blocks * Block;
                float* xScales = x.Scales + (long)i * x.Blocks;
                Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
                for (var b = 0; b < blocks; b++)
                {
                    var (place, scale) = (b * Block, Vector256.Create(xScales[b]));
                    if (Avx2.IsSupported)
                    {
                        var v = Vector256.Load(xs + place);
                        var amount = Vector256.Load(amounts + place);
                        a0 = Fma.MultiplyAdd(Dot(c0 + place, v, amount), scale, a0);
                        a1 = Fma.MultiplyAdd(Dot(c1 + place, v, amount), scale, a1);
                        a2 = Fma.MultiplyAdd(Dot(c2 + place, v, amount), scale, a2);
                        a3 = Fma.MultiplyAdd(Dot(c3 + place, v, amount), scale, a3);
                    }
                    else
                    {
                        a0 += PortableDot.Bytes(c0 + place, xs + place) * scale;
                        a1 += PortableDot.Bytes(c1 + place, xs + place) * scale;
                        a2 += PortableDot.Bytes(c2 + place, xs + place) * scale;
                        a3 += PortableDot.Bytes(c3 + place, xs + place) * scale;
                    }
                }
                var into = y + i * rows;
                into[row] = Vector256.Sum(a0) * (scales[row] * unit);
                into[r1] = Vector256.Sum(a1) * (scales[r1] * unit);
                into[r2] = Vector256.Sum(a2) * (scales[r2] * unit);
                into[r3] = Vector256.Sum(a3) * (scales[r3] * unit);
            }
        }
    }

    // The instruction wants one factor unsigned: the other takes over its sign. 2 · 127 · 127 fits 16 bits; -128 is no code.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Dot(sbyte* codes, Vector256<sbyte> x, Vector256<byte> amount)
    {
        var pairs = Avx2.MultiplyAddAdjacent(amount, Avx2.Sign(Vector256.Load(codes), x));
        return Avx.ConvertToVector256Single(Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One));
    }
}
