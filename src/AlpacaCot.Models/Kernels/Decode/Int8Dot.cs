using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Products of an int8 matrix with rounded activations. Blocks contain 32 numbers <c>scale · code</c> as in GGUF's Q8_0. Eight
/// matrix rows are interleaved in runs of four codes, so that memory is read sequentially, eight scales are applied at once, and
/// no horizontal sum is needed.
/// </summary>
internal static unsafe class Int8Dot
{
    /// <summary>The number of interleaved rows.</summary>
    public const int Group = 8;

    /// <summary>What <see cref="PlusZero"/> adds to a code.</summary>
    public const int Zero = 128;

    /// <summary>Bytes per block of a group.</summary>
    public const int BlockBytes = Group * Block;

    private const int Block = RoundedRows.Block, Tile = 4;

    /// <summary><c>y[i, r] = Σ scale · code · x[i]</c> for the groups [first, end) of rows.</summary>
    /// <param name="codes"><c>[groups, blocks, 8, 8, 4]</c></param>
    /// <param name="scales">fp16, <c>[groups, blocks, 8]</c></param>
    /// <param name="blocks">The number of blocks per row.</param>
    /// <param name="x">The rounded activations, with the offsets of <see cref="Zero"/>.</param>
    /// <param name="from">The index of the first activation row.</param>
    /// <param name="to">The index after the last activation row.</param>
    /// <param name="y"><c>[x.Count, rows]</c></param>
    /// <param name="rows">The number of matrix rows; the last group may be padded beyond it.</param>
    /// <param name="first">The first group.</param>
    /// <param name="end">The index after the last group.</param>
    public static void Multiply(sbyte* codes, ushort* scales, int blocks, RoundedRows x, int from, int to, float* y, long rows,
        long first, long end)
    {
        float* sums = stackalloc float[Tile * Group];
        for (var group = first; group < end; group++)
        {
            var (block, scale) = ((nint)(codes + group * blocks * BlockBytes), (nint)(scales + group * blocks * Group));
            var groupRows = (int)Math.Min(Group, rows - group * Group);
            for (var i = from; i < to;)
            {
                var tile = to - i >= Tile && Avx2.IsSupported ? Tile : 1;
                if (tile == Tile) Four((sbyte*)block, (ushort*)scale, blocks, x, i, sums);
                else if (Avx2.IsSupported) One((sbyte*)block, (ushort*)scale, blocks, x, i, sums);
                else Portable((sbyte*)block, (ushort*)scale, blocks, x, i, sums);
                for (var t = 0; t < tile; t++, i++)
                    new Span<float>(sums + t * Group, groupRows).CopyTo(new Span<float>(y + i * rows + group * Group, groupRows));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(sbyte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        sbyte* xs = x.Codes + (long)i * x.Blocks * Block;
        float* xScales = x.Scales + (long)i * x.Blocks;
        int* offsets = x.Offsets + (long)i * x.Blocks;
        var total = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
        {
            Vector256<int> even = Start(offsets + b), odd = default;
            for (var q = 0; q < Block; q += 8)
            {
                var (signed, next) = (Vector256.Load(codes + 8 * q), Vector256.Load(codes + 8 * q + 32));
                even = Plus(even, Unsigned(signed), signed, xs + q);
                odd = Plus(odd, Unsigned(next), next, xs + q + 4);
            }
            var scale = HalfScales.Load(scales) * Vector256.Create(xScales[b]);
            total = Fma.MultiplyAdd(Avx.ConvertToVector256Single(even + odd), scale, total);
        }
        total.Store(sums);
    }

    // As One, for four rows of x at once, which share the unsigned codes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(sbyte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        var (width, xBlocks) = ((long)x.Blocks * Block, (long)x.Blocks);
        sbyte* xs = x.Codes + i * width;
        float* xScales = x.Scales + i * xBlocks;
        int* offsets = x.Offsets + i * xBlocks;
        Vector256<float> t0 = default, t1 = default, t2 = default, t3 = default;
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
        {
            Vector256<int> s0 = Start(offsets + b), s1 = Start(offsets + xBlocks + b), s2 = Start(offsets + 2 * xBlocks + b),
                s3 = Start(offsets + 3 * xBlocks + b);
            for (var q = 0; q < Block; q += 4)
            {
                var signed = Vector256.Load(codes + 8 * q);
                var unsigned = Unsigned(signed);
                var at = xs + q;
                s0 = Plus(s0, unsigned, signed, at);
                at += width;
                s1 = Plus(s1, unsigned, signed, at);
                at += width;
                s2 = Plus(s2, unsigned, signed, at);
                at += width;
                s3 = Plus(s3, unsigned, signed, at);
            }
            var scale = HalfScales.Load(scales);
            t0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(s0), scale * Vector256.Create(xScales[b]), t0);
            t1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(s1), scale * Vector256.Create(xScales[xBlocks + b]), t1);
            t2 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(s2), scale * Vector256.Create(xScales[2 * xBlocks + b]), t2);
            t3 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(s3), scale * Vector256.Create(xScales[3 * xBlocks + b]), t3);
        }
        t0.Store(sums);
        t1.Store(sums + Group);
        t2.Store(sums + 2 * Group);
        t3.Store(sums + 3 * Group);
    }

    /// <summary><c>code + 128</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> PlusZero(Vector256<sbyte> codes) => codes.AsByte() ^ Vector256.Create((byte)Zero);

    // Both instructions require one unsigned factor. AVX-VNNI: Σ code x = Σ (code + 128) x - 128 Σ x. AVX2:
    // Σ |code| (sign(code) x).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> Unsigned(Vector256<sbyte> codes) =>
        AvxVnni.IsSupported ? PlusZero(codes) : Vector256.Abs(codes).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start(int* offset) => AvxVnni.IsSupported ? Vector256.Create(*offset) : default;

    // 2 · 127 · 127 fits in 16 bits; codes are never -128.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Plus(Vector256<int> sums, Vector256<byte> unsigned, Vector256<sbyte> signed, sbyte* x)
    {
        var four = Vector256.Create(*(int*)x).AsSByte();
        return AvxVnni.IsSupported ? AvxVnni.MultiplyWideningAndAdd(sums, unsigned, four)
            : sums + Avx2.MultiplyAddAdjacent(
                Avx2.MultiplyAddAdjacent(unsigned, Avx2.Sign(four, signed)), Vector256<short>.One);
    }

    // For processors without AVX2.
    internal static void Portable(sbyte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        sbyte* xs = x.Codes + (long)i * x.Blocks * Block;
        float* xScales = x.Scales + (long)i * x.Blocks;
        new Span<float>(sums, Group).Clear();
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
            for (var r = 0; r < Group; r++)
            {
                var sum = Vector128<int>.Zero;
                for (var q = 0; q < Block; q += 4) sum += Wide(codes + 8 * q + 4 * r) * Wide(xs + q);
                sums[r] += Vector128.Sum(sum) * (float)BitConverter.UInt16BitsToHalf(scales[r]) * xScales[b];
            }

        static Vector128<int> Wide(sbyte* at) =>
            Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(*(int*)at).AsSByte()));
    }
}
