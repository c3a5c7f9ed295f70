using System.Runtime.Intrinsics.X86;
using AlpacaCot.Models.Kernels.Decode;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static AlpacaCot.Models.Tests.Kernels.KernelCheck;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>
/// The kernels of decoding against plain loops over the expanded values: what rounding the activations may cost, and not more;
/// the same result for every number of threads and of rows.
/// </summary>
public sealed unsafe class DecodeKernelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly int _threads = get_num_threads();

    // Rows of x; rows and columns of the matrix: whole groups and blocks, and not.
    public static TheoryData<int, int, int, int> Sizes => new()
    {
        { 8, 1, 8, 32 }, { 8, 3, 13, 40 }, { 8, 70, 9, 352 }, { 8, 2, 700, 288 },
        { 8, 16, 1, 3 }, { 8, 37, 33, 31 }, { 8, 70, 9, 16416 },
        { 4, 1, 8, 32 }, { 4, 3, 13, 40 }, { 4, 70, 9, 352 }, { 4, 2, 1500, 288 },
        { 4, 16, 1, 3 }, { 4, 37, 33, 31 }, { 4, 70, 9, 16416 },
    };

    public void Dispose()
    {
        set_num_threads(_threads);
        _scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_block_matrix_multiplies_within_the_rounding_of_the_activations(int bits, int n, int rows, int columns)
    {
        var (x, weight) = (Random(1, n, columns), Random(2, rows, columns));
        using var matrix = BlockMatrix.Quantize(weight, bits);
        var values = matrix.Expand().clone();
        Assert.True((values - weight).abs().max().item<float>() <= weight.abs().max().item<float>() / (bits == 8 ? 250 : 7.9f));
        Assert.Equal((rows + 7) / 8 * 8L * ((columns + 31) / 32) * (2 + 32 * bits / 8), matrix.Bytes);

        var product = matrix.Product(x);
        WithinRounding(values, x, product, Rounded(x));
        set_num_threads(2);
        Assert.True(matrix.Product(x).eq(product).all().item<bool>(), "two threads give what one gives");
        for (var i = 0; i < n; i++)
            Assert.True(matrix.Product(x[i].unsqueeze(0)).eq(product[i]).all().item<bool>(), "alone the same");
    }

    // What the stored codes are filled with: any bytes, or the same byte everywhere.
    public static TheoryData<int, int> Fillings => new()
    {
        { 8, -1 }, { 8, 0x80 }, { 8, 0x81 }, { 8, 0x7f }, { 8, 0 }, { 4, -1 }, { 4, 0xff }, { 4, 0x88 }, { 4, 0 },
    };

    [Theory]
    [MemberData(nameof(Fillings))]
    public void Each_kernel_gives_the_plain_sum_bit_by_bit(int bits, int filling)
    {
        Assert.SkipUnless(Avx2.IsSupported, "without AVX2 the sum is not fused");
        const int n = 11, blocks = 5, width = blocks * 32 - 7, rows = 16;
        var x = Random(1, n, width);
        x[1].fill_(Number(1)); // each code 127
        x[2].fill_(Number(-3)); // each code -127
        x[3].narrow(0, 0, 64).zero_(); // scales of zero
        x[4].zero_();
        x[5].mul_(Number(1e30f));
        x[6].mul_(Number(1e-30f));
        var rounded = new RoundedRows();
        rounded.Round(TensorMemory.Floats(x), n, width, BlockOrder.Plain, bits == 8 ? Int8Dot.Zero : Int4Dot.Zero, threads: 2);
        var codes = randint(0, 256, 2 * blocks * 8 * 4 * bits, dtype: ScalarType.Byte);
        if (filling >= 0) codes.fill_(Number(filling));
        var scales = tensor([0f, 6e-8f, -6e-5f, 1f, 65504f, -3.14f, 1e-3f, 0.7f]).repeat(2 * blocks).to(ScalarType.Float16);
        var (c, s) = ((nint)TensorMemory.Bytes(codes), (nint)TensorMemory.Bytes(scales));

        var plain = new float[n * rows];
        for (var i = 0; i < n; i++)
            for (var row = 0; row < rows; row++)
                plain[i * rows + row] = PlainSum(bits, (byte*)c, (ushort*)s, blocks, rounded, i, row);

        var stored = new float[n * rows];
        fixed (float* y = stored)
            if (bits == 8) Int8Dot.Multiply((sbyte*)c, (ushort*)s, blocks, rounded, 0, n, y, rows, 0, 2);
            else Int4Dot.Multiply((byte*)c, (ushort*)s, blocks, rounded, 0, n, y, rows, 0, 2);
        Assert.Equal(plain, stored);

        if (!WeightPanel.IsSupported) return;
        foreach (var groups in (int[])[2, 1])
        {
            var unpacked = new float[n * rows];
            var panel = new WeightPanel();
            if (bits == 8) panel.Unpack((sbyte*)c, (ushort*)s, blocks, groups);
            else panel.Unpack((byte*)c, (ushort*)s, blocks, groups);
            fixed (float* y = unpacked)
                foreach (var i in (int[])[0, 4, 7]) panel.Multiply(rounded, i, y + i * rows, rows, 8 * groups - 1);
            for (var i = 0; i < n; i++)
                for (var row = 0; row < rows; row++)
                    Assert.Equal(row < 8 * groups - 1 ? plain[i * rows + row] : 0, unpacked[i * rows + row]);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(4)]
    public void Numbers_that_are_not_finite_stay_in_their_row(int bits)
    {
        var (x, weight) = (Random(1, 17, 70), Random(2, 20, 70));
        using var matrix = BlockMatrix.Quantize(weight, bits);
        var finite = matrix.Product(x);
        x[2].fill_(Number(float.NaN)); // as a norm leaves a row with one such number
        x[6].narrow(0, 69, 1).fill_(Number(float.PositiveInfinity));
        var y = matrix.Product(x);
        for (var i = 0; i < 17; i++)
            if (i is 2 or 6) Assert.False(y[i].isfinite().any().item<bool>(), $"row {i}");
            else Assert.True(y[i].eq(finite[i]).all().item<bool>(), $"row {i}");
    }

    [Theory]
    [InlineData(QuantizationType.Nf4)]
    [InlineData(QuantizationType.Fp4)]
    public void A_codebook_matrix_multiplies_from_the_bytes_of_training(QuantizationType type)
    {
        var (x, weight) = (Random(1, 3, 192), Random(2, 7, 192));
        using var matrix = FourBitMatrix.Quantize(weight, type);
        var y = matrix.Product(x);
        var sorted = cat([x.view(3, 3, 32, 2).select(3, 0), x.view(3, 3, 32, 2).select(3, 1)], 2).view(3,
            192); // [even | odd] of 64
        var near = Rounded(sorted).view(3, 3, 2, 32).transpose(2, 3).reshape(3, 192);
        WithinRounding(matrix.Expand(), x, y, near, tableError: 1f / 16383);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Plain_numbers_are_multiplied_as_stored(ScalarType type)
    {
        foreach (var width in (int[])[1, 8, 31, 32, 77])
        {
            var (x, weight) = (Random(1, 2, width), Random(2, 5, width).to(type));
            using var matrix = new DenseMatrix(weight);
            Close(x.to(ScalarType.Float64).mm(weight.to(ScalarType.Float64).t()), matrix.Product(x), $"width {width}");
        }
        var tiny = tensor([6e-8f, -6e-8f, 65504f, -0f], [1, 4]).to(type); // what fp16 can just hold
        using var edges = new DenseMatrix(tiny.repeat(8, 8));
        Assert.Equal(tiny.to(ScalarType.Float32)[0, 0].item<float>() * 8,
            edges.Product(eye(4).repeat(1, 8)[0].unsqueeze(0)).min().item<float>(), 1e-9f);
    }

    [Fact]
    public void Processors_without_Avx2_get_the_same_numbers()
    {
        Assert.SkipUnless(Avx2.IsSupported, "the other way is the only one here");
        var rounded = new RoundedRows();
        var x = Random(1, 1, 96);
        rounded.Round(TensorMemory.Floats(x), 1, 96, BlockOrder.Plain, Int4Dot.Zero);
        var codes = randint(1, 256, 8 * 96, dtype: ScalarType.Byte);
        codes.masked_fill_(codes == Number(128), Number(1)); // no code of int8
        var scales = (rand(24) + Number(0.5)).to(ScalarType.Float16);
        float* fast = stackalloc float[8], plain = stackalloc float[8];
        byte* c = TensorMemory.Bytes(codes);
        ushort* s = (ushort*)TensorMemory.Bytes(scales);
        Int4Dot.Multiply(c, s, 3, rounded, 0, 1, fast, 8, 0, 1);
        Int4Dot.Portable(c, s, 3, rounded, 0, plain);
        for (var i = 0; i < 8; i++) Assert.Equal(plain[i], fast[i], 1e-3f);
        rounded.Round(TensorMemory.Floats(x), 1, 96, BlockOrder.Plain, Int8Dot.Zero);
        Int8Dot.Multiply((sbyte*)c, s, 3, rounded, 0, 1, fast, 8, 0, 1);
        Int8Dot.Portable((sbyte*)c, s, 3, rounded, 0, plain);
        for (var i = 0; i < 8; i++) Assert.Equal(plain[i], fast[i], 1e-2f);
    }

    [Fact]
    public void A_crew_does_every_piece_once_and_passes_on_a_failure()
    {
        for (var pieces = 0; pieces < 40; pieces++)
        {
            var done = new int[pieces];
            SpinThreadPool.Shared.Run(pieces, 2, i => Interlocked.Increment(ref done[i]));
            Assert.All(done, times => Assert.Equal(1, times));
        }
        var failure = Assert.Throws<InvalidOperationException>(() =>
            SpinThreadPool.Shared.Run(9, 2, i => ArgumentOutOfRangeException.ThrowIfEqual(i, 4)));
        Assert.IsType<ArgumentOutOfRangeException>(failure.InnerException);
    }

    // The stored form read number by number: exact sums over blocks, one fused addition for each.
    private static float PlainSum(int bits, byte* codes, ushort* scales, int blocks, RoundedRows x, int i, int row)
    {
        var (group, r, total) = (row / 8, row % 8, 0f);
        for (var b = 0; b < blocks; b++)
        {
            byte* block = codes + (group * blocks + b) * 32 * bits;
            var sum = 0;
            for (var k = 0; k < 32; k++)
            {
                var code = bits == 8 ? (sbyte)block[k / 4 * 32 + r * 4 + k % 4]
                    : (block[k % 16 / 4 * 32 + r * 4 + k % 4] >> k / 16 * 4 & 15) - 8;
                sum += code * x.Codes[(i * x.Blocks + b) * 32 + k];
            }
            var scale = (float)BitConverter.UInt16BitsToHalf(scales[(group * blocks + b) * 8 + r]);
            total = MathF.FusedMultiplyAdd(sum, scale * x.Scales[i * x.Blocks + b], total);
        }
        return total;
    }

    // The activations as the kernels round them: int8 by the largest of each 32.
    private static Tensor Rounded(Tensor x)
    {
        var width = (x.shape[1] + 31) / 32 * 32;
        var blocks = nn.functional.pad(x, [0, width - x.shape[1]]).view(x.shape[0], -1, 32).to(ScalarType.Float64);
        var scale = blocks.abs().amax([2L], keepdim: true) / Number(127);
        return ((blocks / scale).round() * scale).view(x.shape[0], -1).narrow(1, 0, x.shape[1]);
    }

    // The product of the rounded activations to the last digits; and so near to that of x as half a step of each block allows.
    private static void WithinRounding(Tensor values, Tensor x, Tensor product, Tensor rounded, float tableError = 0)
    {
        var (w, exact, found) = (values.to(ScalarType.Float64), x.to(ScalarType.Float64), product.to(ScalarType.Float64));
        var mass = exact.abs().mm(ones_like(w).t()) * w.abs().max(); // at least Σ |w x|
        var slack = Number(1e-5 + 2 * tableError) * mass;
        Assert.True(((found - rounded.mm(w.t())).abs() <= slack).all().item<bool>(), "differs from the rounded product");
        var largest = exact.abs().amax([1L], keepdim: true);
        var bound = (largest / Number(254) * w.abs().sum(dim: 1).unsqueeze(0)).Plus(slack);
        Assert.True(((found - exact.mm(w.t())).abs() <= bound).all().item<bool>(), "is further off than rounding allows");
        Assert.False(((found - rounded.roll(1, 1).mm(w.t())).abs() <= bound).all().item<bool>(),
            "control: another x must not pass");
    }
}
