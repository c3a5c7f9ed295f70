using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels;

/// <summary>Products of small matrices that are in the first caches, for AVX-512.</summary>
internal static unsafe class MatrixTile
{
    /// <summary>The rows of a tile.</summary>
    public const int Rows = 4;

    /// <summary>The numbers in a vector.</summary>
    public const int Lanes = 16;

    /// <summary>The widest tile: four vectors, whose sums and factors fill the registers.</summary>
    public const int Width = 4 * Lanes;

    private interface IWidth
    {
        static abstract int Vectors { get; }
    }

    private readonly struct One : IWidth
    {
        public static int Vectors => 1;
    }

    private readonly struct Two : IWidth
    {
        public static int Vectors => 2;
    }

    private readonly struct Three : IWidth
    {
        public static int Vectors => 3;
    }

    private readonly struct Four : IWidth
    {
        public static int Vectors => 4;
    }

    /// <summary>
    /// <c>C = A B</c> or <c>C += A B</c> for up to four rows and up to four vectors of columns. A may be transposed by its steps.
    /// </summary>
    /// <param name="a">A, <c>[rows, depth]</c>.</param>
    /// <param name="aRow">The distance of its rows.</param>
    /// <param name="aStep">The distance of its columns.</param>
    /// <param name="rows">The rows, 1 to 4.</param>
    /// <param name="b">B, <c>[depth, 16 · vectors]</c>.</param>
    /// <param name="bRow">The distance of its rows.</param>
    /// <param name="depth">The columns of A.</param>
    /// <param name="vectors">The columns of C in vectors, 1 to 4.</param>
    /// <param name="c">C.</param>
    /// <param name="cRow">The distance of its rows.</param>
    /// <param name="adds">Whether the product is added.</param>
    public static void Multiply(float* a, nint aRow, nint aStep, int rows, float* b, nint bRow, int depth, int vectors,
        float* c, nint cRow, bool adds)
    {
        switch (vectors)
        {
            case 4: Multiply<Four>(a, aRow, aStep, rows, b, bRow, depth, c, cRow, adds); break;
            case 3: Multiply<Three>(a, aRow, aStep, rows, b, bRow, depth, c, cRow, adds); break;
            case 2: Multiply<Two>(a, aRow, aStep, rows, b, bRow, depth, c, cRow, adds); break;
            default: Multiply<One>(a, aRow, aStep, rows, b, bRow, depth, c, cRow, adds); break;
        }
    }

    // Rows that the tile lacks repeat the last one and are not stored.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<TWidth>(float* a, nint aRow, nint aStep, int rows, float* b, nint bRow, int depth,
        float* c, nint cRow, bool adds) where TWidth : struct, IWidth
    {
        var a1 = rows > 1 ? a + aRow : a;
        var a2 = rows > 2 ? a1 + aRow : a1;
        var a3 = rows > 3 ? a2 + aRow : a2;
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default;
        Vector512<float> c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default;
        Vector512<float> c30 = default, c31 = default, c32 = default, c33 = default;
        nint at = 0;
        for (var k = 0; k < depth; k++, at += aStep, b += bRow)
        {
            var (x0, x1) = (Vector512.Create(a[at]), Vector512.Create(a1[at]));
            var (x2, x3) = (Vector512.Create(a2[at]), Vector512.Create(a3[at]));
            var y = Vector512.Load(b);
            c00 = Vector512.FusedMultiplyAdd(x0, y, c00);
            c10 = Vector512.FusedMultiplyAdd(x1, y, c10);
            c20 = Vector512.FusedMultiplyAdd(x2, y, c20);
            c30 = Vector512.FusedMultiplyAdd(x3, y, c30);
            if (TWidth.Vectors > 1)
            {
                y = Vector512.Load(b + Lanes);
                c01 = Vector512.FusedMultiplyAdd(x0, y, c01);
                c11 = Vector512.FusedMultiplyAdd(x1, y, c11);
                c21 = Vector512.FusedMultiplyAdd(x2, y, c21);
                c31 = Vector512.FusedMultiplyAdd(x3, y, c31);
            }
            if (TWidth.Vectors > 2)
            {
                y = Vector512.Load(b + 2 * Lanes);
                c02 = Vector512.FusedMultiplyAdd(x0, y, c02);
                c12 = Vector512.FusedMultiplyAdd(x1, y, c12);
                c22 = Vector512.FusedMultiplyAdd(x2, y, c22);
                c32 = Vector512.FusedMultiplyAdd(x3, y, c32);
            }
            if (TWidth.Vectors > 3)
            {
                y = Vector512.Load(b + 3 * Lanes);
                c03 = Vector512.FusedMultiplyAdd(x0, y, c03);
                c13 = Vector512.FusedMultiplyAdd(x1, y, c13);
                c23 = Vector512.FusedMultiplyAdd(x2, y, c23);
                c33 = Vector512.FusedMultiplyAdd(x3, y, c33);
            }
        }
        Store<TWidth>(c, c00, c01, c02, c03, adds);
        if (rows > 1) Store<TWidth>(c + cRow, c10, c11, c12, c13, adds);
        if (rows > 2) Store<TWidth>(c + 2 * cRow, c20, c21, c22, c23, adds);
        if (rows > 3) Store<TWidth>(c + 3 * cRow, c30, c31, c32, c33, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TWidth>(float* c, Vector512<float> first, Vector512<float> second, Vector512<float> third,
        Vector512<float> fourth, bool adds) where TWidth : struct, IWidth
    {
        (adds ? first + Vector512.Load(c) : first).Store(c);
        if (TWidth.Vectors > 1) (adds ? second + Vector512.Load(c + Lanes) : second).Store(c + Lanes);
        if (TWidth.Vectors > 2) (adds ? third + Vector512.Load(c + 2 * Lanes) : third).Store(c + 2 * Lanes);
        if (TWidth.Vectors > 3) (adds ? fourth + Vector512.Load(c + 3 * Lanes) : fourth).Store(c + 3 * Lanes);
    }

    /// <summary>
    /// Copies rows transposed into panels of 64 columns: <c>[count, width] -> [count / 64, width, 64]</c>; columns beyond the
    /// last row are 0.
    /// </summary>
    /// <param name="from">The rows.</param>
    /// <param name="row">The distance of the rows.</param>
    /// <param name="count">Their number.</param>
    /// <param name="width">Their width, a multiple of 8.</param>
    /// <param name="to">Receives the panels.</param>
    public static void Transpose(float* from, nint row, int count, int width, float* to)
    {
        for (var first = 0; first < count; first += Width, to += width * Width)
        {
            var rows = Math.Min(Width, count - first);
            var at = 0;
            for (; at + 8 <= rows; at += 8)
                for (var column = 0; column < width; column += 8)
                    Eight(from + (first + at) * row + column, row, to + column * Width + at);
            if (at == Width) continue;
            for (var column = 0; column < width; column++)
                for (var i = at; i < Width; i++)
                    to[column * Width + i] = i < rows ? from[(first + i) * row + column] : 0;
        }
    }

    // An 8 by 8 block: pairs, then fours, then halves change places.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(float* from, nint row, float* to)
    {
        var (r0, r1) = (Vector256.Load(from), Vector256.Load(from + row));
        var (r2, r3) = (Vector256.Load(from + 2 * row), Vector256.Load(from + 3 * row));
        var (r4, r5) = (Vector256.Load(from + 4 * row), Vector256.Load(from + 5 * row));
        var (r6, r7) = (Vector256.Load(from + 6 * row), Vector256.Load(from + 7 * row));
        Half(Low(r0, r1), Low(r2, r3), Low(r4, r5), Low(r6, r7), to);
        Half(High(r0, r1), High(r2, r3), High(r4, r5), High(r6, r7), to + 2 * Width);

        // Columns 0, 1, 4, 5 of the pairs' interleaving.
        static void Half(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, float* to)
        {
            var (first, second) = (LowPairs(a, b), HighPairs(a, b));
            var (third, fourth) = (LowPairs(c, d), HighPairs(c, d));
            Vector256.Create(first.GetLower(), third.GetLower()).Store(to);
            Vector256.Create(second.GetLower(), fourth.GetLower()).Store(to + Width);
            Vector256.Create(first.GetUpper(), third.GetUpper()).Store(to + 4 * Width);
            Vector256.Create(second.GetUpper(), fourth.GetUpper()).Store(to + 5 * Width);
        }

        static Vector256<float> Low(Vector256<float> a, Vector256<float> b) => Avx.UnpackLow(a, b);

        static Vector256<float> High(Vector256<float> a, Vector256<float> b) => Avx.UnpackHigh(a, b);

        static Vector256<float> LowPairs(Vector256<float> a, Vector256<float> b) =>
            Avx.UnpackLow(a.AsDouble(), b.AsDouble()).AsSingle();

        static Vector256<float> HighPairs(Vector256<float> a, Vector256<float> b) =>
            Avx.UnpackHigh(a.AsDouble(), b.AsDouble()).AsSingle();
    }
}
