using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>
/// Sixteen rows of an int8 or 4-bit matrix, unpacked once and multiplied with many rounded activation rows, four at a time. The
/// instructions multiply unsigned codes with signed ones, so a weight's code is stored as <c>code + zero</c>, and the sum over a
/// block starts at <see cref="RoundedRows.Offsets"/>. Integer sums are exact and the additions of blocks have the order of
/// <see cref="Int8Dot"/> and <see cref="Int4Dot"/>, so the results are theirs, bit by bit. Scratch memory of one thread, reused
/// for each panel.
/// </summary>
internal sealed unsafe class WeightPanel
{
    /// <summary>The number of matrix rows, two groups.</summary>
    public const int RowCount = 2 * Group;

    /// <summary>The number of activation rows at a time.</summary>
    public const int Tile = 4;

    /// <summary>The number of activation rows from which unpacking pays.</summary>
    public const int FewestRows = 4 * Tile;

    // A vector has the codes of the same four columns of 16 rows; a block has 8 of them, or 16 halves, then 16 fp32 scales.
    private const int Group = Int8Dot.Group, Block = RoundedRows.Block, Vector = 4 * RowCount, Vectors = Block / 4;

    [ThreadStatic]
    private static WeightPanel? _shared;

    private byte* _memory;
    private long _capacity;
    private int _blocks;
    private Form _form;

    private enum Form
    {
        /// <summary>Codes of any size: AVX-VNNI adds four products to 32 bits.</summary>
        Bytes,

        /// <summary>Codes of 4 bits on processors with AVX-512 and without AVX-VNNI: 16 bits hold the sum of pairs.</summary>
        Halves,

        /// <summary>Codes of 8 bits there, as two vectors of 4: the low halves and the high ones.</summary>
        TwoHalves,
    }

    /// <summary>The scratch memory of this thread.</summary>
    public static WeightPanel Shared => _shared ??= new WeightPanel();

    /// <summary>Whether the processor has the instructions.</summary>
    public static bool IsSupported => AvxVnni.IsSupported || Avx512BW.IsSupported;

    private int CodeBytes => (_form == Form.TwoHalves ? 2 : 1) * Vectors * Vector;

    private int BlockBytes => CodeBytes + RowCount * sizeof(float);

    /// <summary>Unpacks rows of an int8 matrix.</summary>
    /// <param name="codes">The first group, <c>[blocks, 8, 8, 4]</c>.</param>
    /// <param name="scales">Its scales, fp16, <c>[blocks, 8]</c>.</param>
    /// <param name="blocks">The number of blocks per row.</param>
    /// <param name="groups">1 or 2: the number of groups.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Unpack(sbyte* codes, ushort* scales, int blocks, int groups)
    {
        Reserve(blocks, AvxVnni.IsSupported ? Form.Bytes : Form.TwoHalves);
        var (mask, blockBytes) = (Vector256.Create((byte)15), BlockBytes);
        for (var g = 0; g < groups; g++)
        {
            var to = _memory + Group * 4 * g;
            for (var b = 0; b < blocks; b++, codes += Int8Dot.BlockBytes, to += blockBytes)
                for (var q = 0; q < Vectors; q++)
                {
                    var bytes = Int8Dot.PlusZero(Vector256.Load(codes + Group * 4 * q));
                    if (AvxVnni.IsSupported) bytes.Store(to + Vector * q);
                    else
                    {
                        (bytes & mask).Store(to + 2 * Vector * q);
                        Int4Dot.HighHalves(bytes).Store(to + 2 * Vector * q + Vector);
                    }
                }
        }
        SetScales(scales, groups);
    }

    /// <summary>Unpacks rows of a 4-bit matrix.</summary>
    /// <param name="codes">The first group, <c>[blocks, 4, 8, 4]</c>, two codes per byte.</param>
    /// <param name="scales">Its scales, fp16, <c>[blocks, 8]</c>.</param>
    /// <param name="blocks">The number of blocks per row.</param>
    /// <param name="groups">1 or 2: the number of groups.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Unpack(byte* codes, ushort* scales, int blocks, int groups)
    {
        Reserve(blocks, AvxVnni.IsSupported ? Form.Bytes : Form.Halves);
        var (mask, blockBytes) = (Vector256.Create((byte)15), BlockBytes);
        for (var g = 0; g < groups; g++)
        {
            var to = _memory + Group * 4 * g;
            for (var b = 0; b < blocks; b++, codes += Int4Dot.BlockBytes, to += blockBytes)
                for (var q = 0; q < Vectors / 2; q++)
                {
                    var bytes = Vector256.Load(codes + Group * 4 * q);
                    (bytes & mask).Store(to + Vector * q);
                    Int4Dot.HighHalves(bytes).Store(to + Vector * (q + Vectors / 2)); // codes k + 16
                }
        }
        SetScales(scales, groups);
    }

    /// <summary><c>y[i, r] = Σ scale · code · x[i]</c> for four activation rows and the first rows of the panel.</summary>
    /// <param name="x">The rounded activations, with the offsets of this matrix's zero.</param>
    /// <param name="i">The index of the first activation row.</param>
    /// <param name="y">The place of the first product.</param>
    /// <param name="stride">The distance from one activation row's products to the next one's.</param>
    /// <param name="rows">The number of matrix rows, at most <see cref="RowCount"/>.</param>
    public void Multiply(RoundedRows x, int i, float* y, long stride, int rows)
    {
        float* sums = stackalloc float[Tile * RowCount];
        if (_form == Form.Bytes) Bytes(_memory, _blocks, x, i, sums);
        else if (_form == Form.Halves) Halves<One>(_memory, _blocks, x, i, sums);
        else Halves<Two>(_memory, _blocks, x, i, sums);
        for (var t = 0; t < Tile; t++) new Span<float>(sums + t * RowCount, rows).CopyTo(new Span<float>(y + t * stride, rows));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes(byte* panel, int blocks, RoundedRows x, int i, float* sums)
    {
        long width = (long)x.Blocks * Block, width3 = 3 * width, xBlocks = x.Blocks;
        sbyte* xs = x.Codes + i * width;
        float* xScales = x.Scales + i * xBlocks;
        int* offsets = x.Offsets + i * xBlocks;
        Vector256<float> t0 = default, t1 = default, t2 = default, t3 = default; // the first group's sums
        Vector256<float> u0 = default, u1 = default, u2 = default, u3 = default; // the second group's
        for (long b = 0; b < blocks; b++, panel += Vectors * Vector + RowCount * sizeof(float))
        {
            Vector256<int> a0 = Vector256.Create(offsets[b]), a1 = Vector256.Create(offsets[xBlocks + b]),
                a2 = Vector256.Create(offsets[2 * xBlocks + b]), a3 = Vector256.Create(offsets[3 * xBlocks + b]);
            Vector256<int> c0 = a0, c1 = a1, c2 = a2, c3 = a3;
            for (var q = 0; q < Vectors; q++, xs += 4)
            {
                var (first, second) = (Vector256.Load(panel + Vector * q), Vector256.Load(panel + Vector * q + Vector / 2));
                var four = Columns(xs);
                a0 = AvxVnni.MultiplyWideningAndAdd(a0, first, four);
                c0 = AvxVnni.MultiplyWideningAndAdd(c0, second, four);
                four = Columns(xs + width);
                a1 = AvxVnni.MultiplyWideningAndAdd(a1, first, four);
                c1 = AvxVnni.MultiplyWideningAndAdd(c1, second, four);
                four = Columns(xs + 2 * width);
                a2 = AvxVnni.MultiplyWideningAndAdd(a2, first, four);
                c2 = AvxVnni.MultiplyWideningAndAdd(c2, second, four);
                four = Columns(xs + width3);
                a3 = AvxVnni.MultiplyWideningAndAdd(a3, first, four);
                c3 = AvxVnni.MultiplyWideningAndAdd(c3, second, four);
            }
            float* scales = (float*)(panel + Vectors * Vector);
            var (s, r) = (Vector256.Load(scales), Vector256.Load(scales + Group));
            var scale = Vector256.Create(xScales[b]);
            t0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(a0), s * scale, t0);
            u0 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(c0), r * scale, u0);
            scale = Vector256.Create(xScales[xBlocks + b]);
            t1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(a1), s * scale, t1);
            u1 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(c1), r * scale, u1);
            scale = Vector256.Create(xScales[2 * xBlocks + b]);
            t2 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(a2), s * scale, t2);
            u2 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(c2), r * scale, u2);
            scale = Vector256.Create(xScales[3 * xBlocks + b]);
            t3 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(a3), s * scale, t3);
            u3 = Fma.MultiplyAdd(Avx.ConvertToVector256Single(c3), r * scale, u3);
        }
        t0.Store(sums);
        u0.Store(sums + Group);
        t1.Store(sums + RowCount);
        u1.Store(sums + RowCount + Group);
        t2.Store(sums + 2 * RowCount);
        u2.Store(sums + 2 * RowCount + Group);
        t3.Store(sums + 3 * RowCount);
        u3.Store(sums + 3 * RowCount + Group);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<sbyte> Columns(sbyte* at) => Vector256.Create(*(int*)at).AsSByte();

    // As Bytes. A pair of products is at most 2 · 15 · 127, and the sum of eight pairs fits in 16 bits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Halves<T>(byte* panel, int blocks, RoundedRows x, int i, float* sums)
        where T : struct, IHalves
    {
        long width = (long)x.Blocks * Block, width3 = 3 * width, xBlocks = x.Blocks;
        sbyte* xs = x.Codes + i * width;
        float* xScales = x.Scales + i * xBlocks;
        int* offsets = x.Offsets + i * xBlocks;
        Vector512<float> t0 = default, t1 = default, t2 = default, t3 = default;
        for (long b = 0; b < blocks; b++)
        {
            Vector512<short> a0 = default, a1 = default, a2 = default, a3 = default;
            Vector512<short> h0 = default, h1 = default, h2 = default, h3 = default; // of the high halves
            for (var q = 0; q < Vectors; q++, xs += 4, panel += T.Count * Vector)
            {
                var (low, high) = (Vector512.Load(panel), T.Count == 2 ? Vector512.Load(panel + Vector) : default);
                var four = Columns512(xs);
                a0 = Avx512BW.Add(a0, Avx512BW.MultiplyAddAdjacent(low, four));
                if (T.Count == 2) h0 = Avx512BW.Add(h0, Avx512BW.MultiplyAddAdjacent(high, four));
                four = Columns512(xs + width);
                a1 = Avx512BW.Add(a1, Avx512BW.MultiplyAddAdjacent(low, four));
                if (T.Count == 2) h1 = Avx512BW.Add(h1, Avx512BW.MultiplyAddAdjacent(high, four));
                four = Columns512(xs + 2 * width);
                a2 = Avx512BW.Add(a2, Avx512BW.MultiplyAddAdjacent(low, four));
                if (T.Count == 2) h2 = Avx512BW.Add(h2, Avx512BW.MultiplyAddAdjacent(high, four));
                four = Columns512(xs + width3);
                a3 = Avx512BW.Add(a3, Avx512BW.MultiplyAddAdjacent(low, four));
                if (T.Count == 2) h3 = Avx512BW.Add(h3, Avx512BW.MultiplyAddAdjacent(high, four));
            }
            var scale = Vector512.Load((float*)panel);
            panel += RowCount * sizeof(float);
            t0 = Add<T>(t0, a0, h0, offsets[b], scale, xScales[b]);
            t1 = Add<T>(t1, a1, h1, offsets[xBlocks + b], scale, xScales[xBlocks + b]);
            t2 = Add<T>(t2, a2, h2, offsets[2 * xBlocks + b], scale, xScales[2 * xBlocks + b]);
            t3 = Add<T>(t3, a3, h3, offsets[3 * xBlocks + b], scale, xScales[3 * xBlocks + b]);
        }
        t0.Store(sums);
        t1.Store(sums + RowCount);
        t2.Store(sums + 2 * RowCount);
        t3.Store(sums + 3 * RowCount);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Add<T>(Vector512<float> total, Vector512<short> low, Vector512<short> high, int offset,
        Vector512<float> scale, float xScale)
        where T : struct, IHalves
    {
        var sum = Avx512F.Add(Avx512BW.MultiplyAddAdjacent(low, Vector512<short>.One), Vector512.Create(offset));
        if (T.Count == 2) sum = Avx512F.Add(sum, Avx512BW.MultiplyAddAdjacent(high, Vector512.Create((short)16)));
        return Avx512F.FusedMultiplyAdd(Avx512F.ConvertToVector512Single(sum),
            Avx512F.Multiply(scale, Vector512.Create(xScale)), total);
    }

    private interface IHalves
    {
        static abstract int Count { get; }
    }

    private readonly struct One : IHalves
    {
        public static int Count => 1;
    }

    private readonly struct Two : IHalves
    {
        public static int Count => 2;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<sbyte> Columns512(sbyte* at) => Vector512.Create(*(int*)at).AsSByte();

    // The codes of a missing second group may be anything: its scales are zero, and its sums are not stored.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SetScales(ushort* scales, int groups)
    {
        var blockBytes = BlockBytes;
        for (var g = 0; g < 2; g++)
        {
            var to = _memory + CodeBytes + Group * 4 * g;
            for (var b = 0; b < _blocks; b++, to += blockBytes)
                (g < groups ? HalfScales.Load(scales + (g * _blocks + b) * Group) : Vector256<float>.Zero).Store((float*)to);
        }
    }

    private void Reserve(int blocks, Form form)
    {
        (_blocks, _form) = (blocks, form);
        var bytes = (long)blocks * BlockBytes;
        if (bytes <= _capacity) return;
        NativeMemory.AlignedFree(_memory);
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        _capacity = bytes;
    }

    /// <summary>Frees the memory after its thread has ended.</summary>
    ~WeightPanel() => NativeMemory.AlignedFree(_memory);
}
