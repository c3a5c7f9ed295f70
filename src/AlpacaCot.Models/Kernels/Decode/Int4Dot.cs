using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Products of a 4-bit matrix with rounded activations. Blocks contain 32 numbers <c>scale · (code - 8)</c> as in GGUF's Q4_0.
/// Eight matrix rows are interleaved in runs of four codes, so that one vector contains the same columns of eight rows: 16 bits
/// suffice for the sum over a block, and no horizontal sum is needed.
/// </summary>
internal static unsafe class Int4Dot
{
    /// <summary>The number of interleaved rows.</summary>
    public const int Group = 8;

    /// <summary>The code of zero.</summary>
    public const int Zero = 8;

    /// <summary>Bytes per block of a group, 4 · 32: each vector contains the codes k and k + 16 of four columns k.</summary>
    public const int BlockBytes = Group * Block / 2;

    private const int Block = RoundedRows.Block, Tile = 4;

    /// <summary><c>y[i, r] = Σ scale · (code - 8) · x[i]</c> for the groups [first, end) of rows.</summary>
    /// <param name="codes"><c>[groups, blocks, 4, 8, 4]</c>, two codes per byte.</param>
    /// <param name="scales">fp16, <c>[groups, blocks, 8]</c></param>
    /// <param name="blocks">The number of blocks per row.</param>
    /// <param name="x">The rounded activations, with the offsets of <see cref="Zero"/>.</param>
    /// <param name="from">The index of the first activation row.</param>
    /// <param name="to">The index after the last activation row.</param>
    /// <param name="y"><c>[x.Count, rows]</c></param>
    /// <param name="rows">The number of matrix rows; the last group may be padded beyond it.</param>
    /// <param name="first">The first group.</param>
    /// <param name="end">The index after the last group.</param>
    public static void Multiply(byte* codes, ushort* scales, int blocks, RoundedRows x, int from, int to, float* y, long rows,
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
                if (tile == Tile) Four((byte*)block, (ushort*)scale, blocks, x, i, sums);
                else if (Avx2.IsSupported) One((byte*)block, (ushort*)scale, blocks, x, i, sums);
                else Portable((byte*)block, (ushort*)scale, blocks, x, i, sums);
                for (var t = 0; t < tile; t++, i++)
                    new Span<float>(sums + t * Group, groupRows).CopyTo(new Span<float>(y + i * rows + group * Group, groupRows));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(byte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        sbyte* xs = x.Codes + (long)i * x.Blocks * Block;
        float* xScales = x.Scales + (long)i * x.Blocks;
        int* offsets = x.Offsets + (long)i * x.Blocks;
        var total = Vector256<float>.Zero;
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
            total = Add(total, BlockSums(codes, xs, offsets[b]), HalfScales.Load(scales), xScales[b]);
        total.Store(sums);
    }

    // Σ (code - 8) x = Σ code x - 8 Σ x. A pair of products is at most 2 · 15 · 127, and the sum of eight pairs fits in 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> BlockSums(byte* codes, sbyte* xs, int offset)
    {
        var mask = Vector256.Create((byte)15);
        if (AvxVnni.IsSupported)
        {
            Vector256<int> first = Vector256.Create(offset), second = default;
            for (var q = 0; q < 4; q++)
            {
                var bytes = Vector256.Load(codes + 32 * q);
                first = AvxVnni.MultiplyWideningAndAdd(first, bytes & mask, Four(xs + 4 * q));
                second = AvxVnni.MultiplyWideningAndAdd(second, HighHalves(bytes), Four(xs + 16 + 4 * q));
            }
            return first + second;
        }
        Vector256<short> even = default, odd = default;
        for (var q = 0; q < 4; q++)
        {
            var bytes = Vector256.Load(codes + 32 * q);
            even += Avx2.MultiplyAddAdjacent(bytes & mask, Four(xs + 4 * q));
            odd += Avx2.MultiplyAddAdjacent(HighHalves(bytes), Four(xs + 16 + 4 * q));
        }
        return Avx2.MultiplyAddAdjacent(even + odd, Vector256<short>.One) + Vector256.Create(offset);
    }

    // As One, for four rows of x at once, which share the unpacking.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(byte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        var mask = Vector256.Create((byte)15);
        var (width, xBlocks) = ((long)x.Blocks * Block, (long)x.Blocks);
        sbyte* xs = x.Codes + i * width;
        float* xScales = x.Scales + i * xBlocks;
        int* offsets = x.Offsets + i * xBlocks;
        Vector256<float> t0 = default, t1 = default, t2 = default, t3 = default;
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
        {
            Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default;
            for (var q = 0; q < 4; q++)
            {
                var bytes = Vector256.Load(codes + 32 * q);
                var low = bytes & mask;
                var high = HighHalves(bytes);
                var at = xs + 4 * q;
                s0 += Avx2.MultiplyAddAdjacent(low, Four(at)) + Avx2.MultiplyAddAdjacent(high, Four(at + 16));
                at += width;
                s1 += Avx2.MultiplyAddAdjacent(low, Four(at)) + Avx2.MultiplyAddAdjacent(high, Four(at + 16));
                at += width;
                s2 += Avx2.MultiplyAddAdjacent(low, Four(at)) + Avx2.MultiplyAddAdjacent(high, Four(at + 16));
                at += width;
                s3 += Avx2.MultiplyAddAdjacent(low, Four(at)) + Avx2.MultiplyAddAdjacent(high, Four(at + 16));
            }
            var scale = HalfScales.Load(scales);
            t0 = Add(t0, s0, scale, xScales[b], offsets[b]);
            t1 = Add(t1, s1, scale, xScales[xBlocks + b], offsets[xBlocks + b]);
            t2 = Add(t2, s2, scale, xScales[2 * xBlocks + b], offsets[2 * xBlocks + b]);
            t3 = Add(t3, s3, scale, xScales[3 * xBlocks + b], offsets[3 * xBlocks + b]);
        }
        t0.Store(sums);
        t1.Store(sums + Group);
        t2.Store(sums + 2 * Group);
        t3.Store(sums + 3 * Group);
    }

    /// <summary>The high halves of bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> HighHalves(Vector256<byte> bytes) =>
        (bytes.AsUInt16() >>> 4).AsByte() & Vector256.Create((byte)15);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Four(sbyte* at) => Vector256.Create(*(int*)at).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add(
        Vector256<float> total, Vector256<short> sums, Vector256<float> scale, float xScale, int offset) =>
        Add(total, Avx2.MultiplyAddAdjacent(sums, Vector256<short>.One) + Vector256.Create(offset), scale, xScale);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add(Vector256<float> total, Vector256<int> sums, Vector256<float> scale, float xScale) =>
        Fma.MultiplyAdd(Avx.ConvertToVector256Single(sums), scale * Vector256.Create(xScale), total);

    // For processors without AVX2.
    internal static void Portable(byte* codes, ushort* scales, int blocks, RoundedRows x, int i, float* sums)
    {
        sbyte* xs = x.Codes + (long)i * x.Blocks * Block;
        float* xScales = x.Scales + (long)i * x.Blocks;
        int* offsets = x.Offsets + (long)i * x.Blocks;
        new Span<float>(sums, Group).Clear();
        for (var b = 0; b < blocks; b++, codes += BlockBytes, scales += Group, xs += Block)
            for (var r = 0; r < Group; r += 2) // a vector of 16-bit numbers holds four columns of two rows
            {
                var sum = Vector128<short>.Zero;
                for (var q = 0; q < 4; q++)
                {
                    var bytes = Vector128.CreateScalar(*(ulong*)(codes + 32 * q + 4 * r)).AsByte();
                    sum += Vector128.WidenLower(bytes & Vector128.Create((byte)15)).AsInt16() * Wide(xs + 4 * q);
                    sum += Vector128.WidenLower(bytes >>> 4).AsInt16() * Wide(xs + 16 + 4 * q);
                }
                for (var half = 0; half < 2; half++)
                {
                    var dot = sum[4 * half] + sum[4 * half + 1] + sum[4 * half + 2] + sum[4 * half + 3];
                    var scale = (float)BitConverter.UInt16BitsToHalf(scales[r + half]);
                    sums[r + half] += (dot + offsets[b]) * (scale * xScales[b]);
                }
            }

        static Vector128<short> Wide(sbyte* at) => Vector128.WidenLower(Vector128.Create(*(int*)at).AsSByte());
    }
}
