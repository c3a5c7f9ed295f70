using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AlpacaCot.Models.Kernels.Decode;

/// <summary>The order of the 64 numbers of a block.</summary>
internal enum BlockOrder
{
    /// <summary>The original order.</summary>
    Plain,

    /// <summary>The 32 even elements, then the 32 odd elements: the order in which packed bytes are split into halves.</summary>
    EvenOdd,
}

/// <summary>
/// Activations rounded to int8 in blocks of 32 with one fp32 scale each, for integer dot products. The rounding error of a number
/// is at most 1/254 of the largest in its block. Scratch memory of one thread, reused for each product.
/// </summary>
internal sealed unsafe class RoundedRows
{
    /// <summary>The number of elements that share a scale.</summary>
    public const int Block = 32;

    [ThreadStatic]
    private static RoundedRows? _shared;

    private const int RowsAtOnce = 8;

    private nuint _capacity;
    private int _zero;

    /// <summary>The scratch memory of this thread.</summary>
    public static RoundedRows Shared => _shared ??= new RoundedRows();

    /// <summary>The number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>The number of blocks per row, padded with zeros to a multiple of 8.</summary>
    public int Blocks { get; private set; }

    /// <summary>Rounded numbers, <c>[rows, blocks, 32]</c>, each in -127 .. 127.</summary>
    public sbyte* Codes { get; private set; }

    /// <summary>The scale of each block, <c>[rows, blocks]</c>.</summary>
    public float* Scales { get; private set; }

    /// <summary>The sum of each block's rounded numbers, scale · Σ codes, <c>[rows, blocks]</c>.</summary>
    public float* Sums { get; private set; }

    /// <summary>What the sum of a block's products starts at if the other factor is stored as <c>code + zero</c>:
    /// -zero · Σ codes, <c>[rows, blocks]</c>.</summary>
    public int* Offsets { get; private set; }

    /// <summary>Rounds rows of numbers.</summary>
    /// <param name="x"><c>[rows, width]</c></param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="width">The number of columns.</param>
    /// <param name="order">The order of the rounded numbers.</param>
    /// <param name="zero">The code of zero in the other factor.</param>
    /// <param name="threads">The number of threads.</param>
    public void Round(float* x, int rows, int width, BlockOrder order, int zero = 0, int threads = 1)
    {
        (Count, _zero) = (rows, zero);
        Blocks = (width + 8 * Block - 1) / (8 * Block) * 8;
        Reserve((nuint)rows * (nuint)Blocks);
        if (rows <= RowsAtOnce) RoundRows(x, 0, rows, width, order);
        else
            SpinThreadPool.Shared.Run((rows + RowsAtOnce - 1) / RowsAtOnce, threads, task =>
                RoundRows(x, task * RowsAtOnce, Math.Min((task + 1) * RowsAtOnce, rows), width, order));
    }

    private void RoundRows(float* x, int first, int end, int width, BlockOrder order)
    {
        float* sorted = stackalloc float[2 * Block];
        for (var row = first; row < end; row++)
        {
            var from = x + (long)row * width;
            for (var b = 0; b < Blocks; b += 2)
            {
                var offset = b * Block;
                var available = Math.Clamp(width - offset, 0, 2 * Block);
                var values = from + offset;
                if (available < 2 * Block || order == BlockOrder.EvenOdd)
                {
                    new Span<float>(sorted, 2 * Block).Clear();
                    for (var i = 0; i < available; i++) sorted[order == BlockOrder.Plain ? i : i / 2 + i % 2 * Block] = values[i];
                    values = sorted;
                }
                RoundBlock(values, (long)row * Blocks + b);
                RoundBlock(values + Block, (long)row * Blocks + b + 1);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RoundBlock(float* values, long block)
    {
        sbyte* codes = Codes + block * Block;
        var most = Vector256<float>.Zero;
        for (var i = 0; i < Block; i += 8) most = Vector256.MaxNative(most, Vector256.Abs(Vector256.Load(values + i)));
        var four = Vector128.MaxNative(most.GetLower(), most.GetUpper());
        four = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        var largest = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(1, 0, 3, 2))).ToScalar();
        var (scale, inverse) = (largest / 127, largest == 0 ? 0 : 127 / largest);
        var sum = 0;
        if (Avx2.IsSupported)
        {
            var a = Avx.ConvertToVector256Int32(Vector256.Load(values) * inverse);
            var b = Avx.ConvertToVector256Int32(Vector256.Load(values + 8) * inverse);
            var c = Avx.ConvertToVector256Int32(Vector256.Load(values + 16) * inverse);
            var d = Avx.ConvertToVector256Int32(Vector256.Load(values + 24) * inverse);
            sum = Vector256.Sum(a + b + c + d);
            var packed = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(a, b), Avx2.PackSignedSaturate(c, d));
            packed = Avx2.PermuteVar8x32(packed.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte(); // lane order
            packed.Store(codes);
        }
        else
            for (var i = 0; i < Block; i++)
            {
                var code = (int)MathF.Round(values[i] * inverse); // ties to even, as in the vector path
                codes[i] = (sbyte)code;
                sum += code;
            }
        (Scales[block], Sums[block], Offsets[block]) = (scale, scale * sum, -_zero * sum);
    }

    private void Reserve(nuint blocks)
    {
        if (blocks <= _capacity) return;
        NativeMemory.AlignedFree(Codes);
        var memory = (byte*)NativeMemory.AlignedAlloc(blocks * (Block + 3 * sizeof(float)), 64);
        _capacity = blocks;
        Codes = (sbyte*)memory;
        Scales = (float*)(memory + blocks * Block);
        Sums = Scales + blocks;
        Offsets = (int*)(Sums + blocks);
    }

    /// <summary>Frees the memory after its thread has ended.</summary>
    ~RoundedRows() => NativeMemory.AlignedFree(Codes);
}
