using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// The three products of a low-rank update with rank r much smaller than the width of the rows. A matrix library packs its
/// operands for products that reuse them many times; these read each number once or a few times, so that they cost what reading
/// costs. Wider ranks and other devices take libtorch's products.
/// </summary>
internal static unsafe class LowRankKernel
{
    // From here on, packing pays.
    private const long MostRanks = 32;

    private const int RowsAtOnce = 4;
    private const int RowsAhead = 12;

    /// <summary><c>scale · x tableᵀ</c>: <c>[n, width] -> [n, r]</c>.</summary>
    /// <param name="x"><c>[n, width]</c></param>
    /// <param name="table"><c>[r, width]</c></param>
    /// <param name="scale">A factor.</param>
    public static Tensor Dots(Tensor x, Tensor table, double scale)
    {
        if (!Fits(x, table)) return TorchLowRank.Dots(x, table, scale);
        using var rows = x.contiguous();
        using var across = table.contiguous();
        var (n, width, rank) = (x.shape[0], x.shape[1], table.shape[0]);
        var low = Tensors.Empty([n, rank], ScalarType.Float32, CPU);
        var (from, by, to) = ((nint)TensorMemory.Floats(rows), (nint)TensorMemory.Floats(across), (nint)TensorMemory.Floats(low));
        Rows.Split((n + RowsAtOnce - 1) / RowsAtOnce, RowsAtOnce * width * rank / 4, (first, end) =>
        {
            for (var row = first * RowsAtOnce; row < Math.Min(end * RowsAtOnce, n); row += RowsAtOnce)
                Dots((float*)from + row * width, Math.Min(RowsAtOnce, n - row), width, (float*)by, rank, (float)scale,
                    (float*)to + row * rank);
        });
        return low;
    }

    /// <summary>Adds <c>low · table</c> to y.</summary>
    /// <param name="y"><c>[n, width]</c>, contiguous.</param>
    /// <param name="low"><c>[n, r]</c></param>
    /// <param name="table"><c>[r, width]</c></param>
    public static void Add(Tensor y, Tensor low, Tensor table)
    {
        if (!Fits(y, table))
        {
            TorchLowRank.Add(y, low, table);
            return;
        }
        using var factors = low.contiguous();
        using var across = table.contiguous();
        var (n, width, rank) = (y.shape[0], y.shape[1], table.shape[0]);
        var (from, by, to) = ((nint)TensorMemory.Floats(factors), (nint)TensorMemory.Floats(across),
            (nint)TensorMemory.Floats(y));
        Rows.Split((n + RowsAtOnce - 1) / RowsAtOnce, RowsAtOnce * width * rank / 4, (first, end) =>
        {
            for (var row = first * RowsAtOnce; row < Math.Min(end * RowsAtOnce, n); row += RowsAtOnce)
                Add((float*)to + row * width, Math.Min(RowsAtOnce, n - row), width, (float*)from + row * rank, (float*)by, rank);
        });
    }

    /// <summary><c>lowᵀ x</c>: <c>[r, width]</c>, summed over the rows in their order on any number of threads.</summary>
    /// <param name="low"><c>[n, r]</c></param>
    /// <param name="x"><c>[n, width]</c></param>
    public static Tensor Gather(Tensor low, Tensor x)
    {
        if (!Fits(x, low, rank: low.shape[1])) return TorchLowRank.Gather(low, x);
        using var rows = x.contiguous();
        using var factors = low.contiguous();
        var (n, width, rank) = (x.shape[0], x.shape[1], low.shape[1]);
        var result = Tensors.Empty([rank, width], ScalarType.Float32, CPU);
        var (from, by, to) = ((nint)TensorMemory.Floats(rows), (nint)TensorMemory.Floats(factors),
            (nint)TensorMemory.Floats(result));
        const int columns = 64;
        Rows.Split((width + columns - 1) / columns, columns * n * rank / 4, (first, end) =>
            Gather((float*)from, n, width, (float*)by, rank, (float*)to, first * columns, Math.Min(end * columns, width)));
        return result;
    }

    internal static bool Fits(Tensor x, Tensor other, long? rank = null) =>
        Compute.UsesSimd(x) && x.dtype == ScalarType.Float32 && other.dtype == ScalarType.Float32
        && (rank ?? other.shape[0]) <= MostRanks;

    // Four rows of x by four of the table at a time: 16 wide sums in registers. The rest of the width is left to the caller.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotsWide(float* x, long width, float* table, float* sums)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default,
            b3 = default;
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default,
            d3 = default;
        float* x1 = x + width, x2 = x1 + width, x3 = x2 + width, t1 = table + width, t2 = t1 + width, t3 = t2 + width;
        for (long i = 0; i + 16 <= width; i += 16)
        {
            var (v0, v1, v2, v3) = (Vector512.Load(x + i), Vector512.Load(x1 + i), Vector512.Load(x2 + i),
                Vector512.Load(x3 + i));
            var t = Vector512.Load(table + i);
            a0 = Vector512.FusedMultiplyAdd(v0, t, a0);
            b0 = Vector512.FusedMultiplyAdd(v1, t, b0);
            c0 = Vector512.FusedMultiplyAdd(v2, t, c0);
            d0 = Vector512.FusedMultiplyAdd(v3, t, d0);
            t = Vector512.Load(t1 + i);
            a1 = Vector512.FusedMultiplyAdd(v0, t, a1);
            b1 = Vector512.FusedMultiplyAdd(v1, t, b1);
            c1 = Vector512.FusedMultiplyAdd(v2, t, c1);
            d1 = Vector512.FusedMultiplyAdd(v3, t, d1);
            t = Vector512.Load(t2 + i);
            a2 = Vector512.FusedMultiplyAdd(v0, t, a2);
            b2 = Vector512.FusedMultiplyAdd(v1, t, b2);
            c2 = Vector512.FusedMultiplyAdd(v2, t, c2);
            d2 = Vector512.FusedMultiplyAdd(v3, t, d2);
            t = Vector512.Load(t3 + i);
            a3 = Vector512.FusedMultiplyAdd(v0, t, a3);
            b3 = Vector512.FusedMultiplyAdd(v1, t, b3);
            c3 = Vector512.FusedMultiplyAdd(v2, t, c3);
            d3 = Vector512.FusedMultiplyAdd(v3, t, d3);
        }
        (sums[0], sums[1], sums[2], sums[3]) = (Vector512.Sum(a0), Vector512.Sum(a1), Vector512.Sum(a2), Vector512.Sum(a3));
        (sums[4], sums[5], sums[6], sums[7]) = (Vector512.Sum(b0), Vector512.Sum(b1), Vector512.Sum(b2), Vector512.Sum(b3));
        (sums[8], sums[9], sums[10], sums[11]) = (Vector512.Sum(c0), Vector512.Sum(c1), Vector512.Sum(c2), Vector512.Sum(c3));
        (sums[12], sums[13], sums[14], sums[15]) = (Vector512.Sum(d0), Vector512.Sum(d1), Vector512.Sum(d2), Vector512.Sum(d3));
    }

    // Four rows of x by two of the table at a time: eight sums in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots(float* x, long count, long width, float* table, long rank, float scale, float* low)
    {
        // A missing row repeats the first, and its result is not stored.
        float* x0 = x, x1 = count > 1 ? x + width : x, x2 = count > 2 ? x + 2 * width : x, x3 = count > 3 ? x + 3 * width : x;
        long start = 0;
        if (Avx512F.IsSupported && count == RowsAtOnce)
        {
            var sums = stackalloc float[16];
            for (; start + 4 <= rank; start += 4)
            {
                DotsWide(x, width, table + start * width, sums);
                for (long row = 0; row < RowsAtOnce; row++)
                    for (long r = 0; r < 4; r++)
                    {
                        var sum = sums[4 * row + r];
                        for (var i = width & ~15L; i < width; i++) sum += x[row * width + i] * table[(start + r) * width + i];
                        low[row * rank + start + r] = sum * scale;
                    }
            }
        }
        for (var r = start; r < rank; r += 2)
        {
            float* t0 = table + r * width, t1 = r + 1 < rank ? t0 + width : t0;
            Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
            Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default;
            long i = 0;
            for (; i + 8 <= width; i += 8)
            {
                var (s, t) = (Vector256.Load(t0 + i), Vector256.Load(t1 + i));
                var v = Vector256.Load(x0 + i);
                a0 = Vector256.FusedMultiplyAdd(v, s, a0);
                b0 = Vector256.FusedMultiplyAdd(v, t, b0);
                v = Vector256.Load(x1 + i);
                a1 = Vector256.FusedMultiplyAdd(v, s, a1);
                b1 = Vector256.FusedMultiplyAdd(v, t, b1);
                v = Vector256.Load(x2 + i);
                a2 = Vector256.FusedMultiplyAdd(v, s, a2);
                b2 = Vector256.FusedMultiplyAdd(v, t, b2);
                v = Vector256.Load(x3 + i);
                a3 = Vector256.FusedMultiplyAdd(v, s, a3);
                b3 = Vector256.FusedMultiplyAdd(v, t, b3);
            }
            Store(0, a0, b0, x0);
            if (count > 1) Store(1, a1, b1, x1);
            if (count > 2) Store(2, a2, b2, x2);
            if (count > 3) Store(3, a3, b3, x3);

            void Store(long row, Vector256<float> a, Vector256<float> b, float* numbers)
            {
                var (first, second) = (Vector256.Sum(a), Vector256.Sum(b));
                for (var at = i; at < width; at++)
                {
                    first += numbers[at] * t0[at];
                    second += numbers[at] * t1[at];
                }
                low[row * rank + r] = first * scale;
                if (r + 1 < rank) low[row * rank + r + 1] = second * scale;
            }
        }
    }

    /// <summary>Adds <c>low · table</c> to at most four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Add(float* y, long count, long width, float* low, float* table, long rank)
    {
        if (count < RowsAtOnce)
        {
            for (long row = 0; row < count; row++) AddToRow(y + row * width, width, low + row * rank, table, rank);
            return;
        }
        float* y1 = y + width, y2 = y1 + width, y3 = y2 + width;
        float* l1 = low + rank, l2 = l1 + rank, l3 = l2 + rank;
        long i = 0;
        if (Avx512F.IsSupported)
            for (; i + 32 <= width; i += 32) AddWide(y + i, width, low, table + i, rank);
        for (; i + 16 <= width; i += 16)
        {
            var (a0, b0) = (Vector256.Load(y + i), Vector256.Load(y + i + 8));
            var (a1, b1) = (Vector256.Load(y1 + i), Vector256.Load(y1 + i + 8));
            var (a2, b2) = (Vector256.Load(y2 + i), Vector256.Load(y2 + i + 8));
            var (a3, b3) = (Vector256.Load(y3 + i), Vector256.Load(y3 + i + 8));
            var t = table + i;
            for (long r = 0; r < rank; r++, t += width)
            {
                var (s0, s1) = (Vector256.Load(t), Vector256.Load(t + 8));
                var f = Vector256.Create(low[r]);
                a0 = Vector256.FusedMultiplyAdd(f, s0, a0);
                b0 = Vector256.FusedMultiplyAdd(f, s1, b0);
                f = Vector256.Create(l1[r]);
                a1 = Vector256.FusedMultiplyAdd(f, s0, a1);
                b1 = Vector256.FusedMultiplyAdd(f, s1, b1);
                f = Vector256.Create(l2[r]);
                a2 = Vector256.FusedMultiplyAdd(f, s0, a2);
                b2 = Vector256.FusedMultiplyAdd(f, s1, b2);
                f = Vector256.Create(l3[r]);
                a3 = Vector256.FusedMultiplyAdd(f, s0, a3);
                b3 = Vector256.FusedMultiplyAdd(f, s1, b3);
            }
            a0.Store(y + i);
            b0.Store(y + i + 8);
            a1.Store(y1 + i);
            b1.Store(y1 + i + 8);
            a2.Store(y2 + i);
            b2.Store(y2 + i + 8);
            a3.Store(y3 + i);
            b3.Store(y3 + i + 8);
        }
        for (long row = 0; row < RowsAtOnce; row++)
            AddToRow(y + row * width, width, low + row * rank, table, rank, i);
    }

    // 32 columns of four rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddWide(float* y, long width, float* low, float* table, long rank)
    {
        float* y1 = y + width, y2 = y1 + width, y3 = y2 + width, l1 = low + rank, l2 = l1 + rank, l3 = l2 + rank;
        var (a0, b0) = (Vector512.Load(y), Vector512.Load(y + 16));
        var (a1, b1) = (Vector512.Load(y1), Vector512.Load(y1 + 16));
        var (a2, b2) = (Vector512.Load(y2), Vector512.Load(y2 + 16));
        var (a3, b3) = (Vector512.Load(y3), Vector512.Load(y3 + 16));
        for (long r = 0; r < rank; r++, table += width)
        {
            var (s, t) = (Vector512.Load(table), Vector512.Load(table + 16));
            var f = Vector512.Create(low[r]);
            a0 = Vector512.FusedMultiplyAdd(f, s, a0);
            b0 = Vector512.FusedMultiplyAdd(f, t, b0);
            f = Vector512.Create(l1[r]);
            a1 = Vector512.FusedMultiplyAdd(f, s, a1);
            b1 = Vector512.FusedMultiplyAdd(f, t, b1);
            f = Vector512.Create(l2[r]);
            a2 = Vector512.FusedMultiplyAdd(f, s, a2);
            b2 = Vector512.FusedMultiplyAdd(f, t, b2);
            f = Vector512.Create(l3[r]);
            a3 = Vector512.FusedMultiplyAdd(f, s, a3);
            b3 = Vector512.FusedMultiplyAdd(f, t, b3);
        }
        a0.Store(y);
        b0.Store(y + 16);
        a1.Store(y1);
        b1.Store(y1 + 16);
        a2.Store(y2);
        b2.Store(y2 + 16);
        a3.Store(y3);
        b3.Store(y3 + 16);
    }

    private static void AddToRow(float* y, long width, float* low, float* table, long rank, long from = 0)
    {
        var i = from;
        for (; i + 8 <= width; i += 8)
        {
            var sum = Vector256.Load(y + i);
            for (long r = 0; r < rank; r++)
                sum = Vector256.FusedMultiplyAdd(Vector256.Create(low[r]), Vector256.Load(table + r * width + i), sum);
            sum.Store(y + i);
        }
        for (; i < width; i++)
        {
            var sum = y[i];
            for (long r = 0; r < rank; r++) sum = MathF.FusedMultiplyAdd(low[r], table[r * width + i], sum);
            y[i] = sum;
        }
    }

    // 32 columns by eight ranks at a time: 16 wide sums in registers over all rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GatherWide(float* x, long n, long width, float* low, long rank, long r, float* result, long i)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default,
            a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default,
            b7 = default;
        float* numbers = x + i, factors = low + r;
        for (long row = 0; row < n; row++, numbers += width, factors += rank)
        {
            // The rows are far apart: no processor foresees the next one.
            Sse.Prefetch0(numbers + RowsAhead * width);
            Sse.Prefetch0(numbers + RowsAhead * width + 16);
            var (v, w) = (Vector512.Load(numbers), Vector512.Load(numbers + 16));
            Step(factors[0], v, w, ref a0, ref b0);
            Step(factors[1], v, w, ref a1, ref b1);
            Step(factors[2], v, w, ref a2, ref b2);
            Step(factors[3], v, w, ref a3, ref b3);
            Step(factors[4], v, w, ref a4, ref b4);
            Step(factors[5], v, w, ref a5, ref b5);
            Step(factors[6], v, w, ref a6, ref b6);
            Step(factors[7], v, w, ref a7, ref b7);
        }
        var to = result + r * width + i;
        Store(to, a0, b0);
        Store(to + width, a1, b1);
        Store(to + 2 * width, a2, b2);
        Store(to + 3 * width, a3, b3);
        Store(to + 4 * width, a4, b4);
        Store(to + 5 * width, a5, b5);
        Store(to + 6 * width, a6, b6);
        Store(to + 7 * width, a7, b7);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Step(float factor, Vector512<float> v, Vector512<float> w, ref Vector512<float> a, ref Vector512<float> b)
        {
            var f = Vector512.Create(factor);
            a = Vector512.FusedMultiplyAdd(f, v, a);
            b = Vector512.FusedMultiplyAdd(f, w, b);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Store(float* to, Vector512<float> a, Vector512<float> b)
        {
            a.Store(to);
            b.Store(to + 16);
        }
    }

    // 16 columns by four ranks at a time: eight sums in registers over all rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(float* x, long n, long width, float* low, long rank, float* result, long first, long end)
    {
        long start = 0;
        if (Avx512F.IsSupported && first + 32 <= end)
            for (; start + 8 <= rank; start += 8)
                for (var i = first;; i = Math.Min(i + 32, end - 32)) // the last may repeat columns
                {
                    GatherWide(x, n, width, low, rank, start, result, i);
                    if (i + 32 >= end) break;
                }
        for (var r = start; r < rank; r += 4)
        {
            // A missing rank repeats the first, and its sums are not stored.
            long r1 = r + 1 < rank ? r + 1 : r, r2 = r + 2 < rank ? r + 2 : r, r3 = r + 3 < rank ? r + 3 : r;
            var i = first;
            for (; i + 16 <= end; i += 16)
            {
                Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
                Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default;
                float* numbers = x + i, factors = low;
                for (long row = 0; row < n; row++, numbers += width, factors += rank)
                {
                    var (v, w) = (Vector256.Load(numbers), Vector256.Load(numbers + 8));
                    var f = Vector256.Create(factors[r]);
                    a0 = Vector256.FusedMultiplyAdd(f, v, a0);
                    b0 = Vector256.FusedMultiplyAdd(f, w, b0);
                    f = Vector256.Create(factors[r1]);
                    a1 = Vector256.FusedMultiplyAdd(f, v, a1);
                    b1 = Vector256.FusedMultiplyAdd(f, w, b1);
                    f = Vector256.Create(factors[r2]);
                    a2 = Vector256.FusedMultiplyAdd(f, v, a2);
                    b2 = Vector256.FusedMultiplyAdd(f, w, b2);
                    f = Vector256.Create(factors[r3]);
                    a3 = Vector256.FusedMultiplyAdd(f, v, a3);
                    b3 = Vector256.FusedMultiplyAdd(f, w, b3);
                }
                Store(r, a0, b0);
                if (r + 1 < rank) Store(r1, a1, b1);
                if (r + 2 < rank) Store(r2, a2, b2);
                if (r + 3 < rank) Store(r3, a3, b3);

                void Store(long at, Vector256<float> a, Vector256<float> b)
                {
                    a.Store(result + at * width + i);
                    b.Store(result + at * width + i + 8);
                }
            }
            for (; i < end; i++)
                for (var at = r; at < Math.Min(r + 4, rank); at++)
                {
                    var sum = 0f;
                    for (long row = 0; row < n; row++) sum = MathF.FusedMultiplyAdd(low[row * rank + at], x[row * width + i],
                        sum);
                    result[at * width + i] = sum;
                }
        }
    }
}

/// <summary>A low-rank term of a product, <c>Low · Table</c>.</summary>
/// <param name="Low"><c>[n, r]</c>, contiguous.</param>
/// <param name="Table"><c>[r, width]</c>, contiguous.</param>
internal sealed record LowRankTerm(Tensor Low, Tensor Table);
