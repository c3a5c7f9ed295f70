using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static AlpacaCot.Models.Tests.Kernels.KernelCheck;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>Low-rank products, and linear layers that share their input, against plain operations.</summary>
public sealed class LowRankKernelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1, 1, 1), InlineData(3, 7, 2), InlineData(5, 33, 8), InlineData(6, 40, 3), InlineData(9, 100, 12)]
    [InlineData(130, 256, 8), InlineData(515, 77, 16), InlineData(64, 200, 33)]
    public void The_three_products(long rows, long width, long rank)
    {
        var (x, table, low) = (Random(1, rows, width), Random(2, rank, width), Random(3, rows, rank));
        foreach (var strided in (bool[])[false, true])
        {
            var numbers = strided ? x.t().contiguous().t() : x;
            var exact = numbers.to(ScalarType.Float64);
            Close(exact.mm(table.to(ScalarType.Float64).t()) * Number(0.5), LowRankKernel.Dots(numbers, table, 0.5), "dots");
            Close(low.to(ScalarType.Float64).t().mm(exact), LowRankKernel.Gather(low, numbers), "gather");
        }
        var y = x.clone();
        LowRankKernel.Add(y, low, table);
        Close(x.to(ScalarType.Float64).Plus(low.to(ScalarType.Float64).mm(table.to(ScalarType.Float64))), y, "add");
    }

    [Fact]
    public void A_sum_over_rows_is_the_same_on_any_number_of_threads()
    {
        var (low, x, threads) = (Random(1, 700, 8), Random(2, 700, 1000), get_num_threads());
        try
        {
            set_num_threads(1);
            var one = LowRankKernel.Gather(low, x);
            set_num_threads(2);
            Assert.Equal(0, Golden.Difference(LowRankKernel.Gather(low, x), one));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Layers_that_share_their_input()
    {
        var (x, first, second, third) = (Random(1, 2, 5, 33), Random(2, 16, 33), Random(3, 40, 33), Random(4, 7, 33));
        var (a, b) = (Random(5, 4, 33), Random(6, 16, 4));
        var (c, d) = (Random(7, 3, 33), Random(8, 7, 3));
        var kept = Random(9, 2, 5, 33).gt(Number(0)).to(ScalarType.Float32).mul(Number(2));
        Tensor Together(Tensor[] i) => cat([.. FrozenLinear.Apply(i[0],
        [
            new FrozenPart(new ExpandedProducts(new DenseMatrix(first)), new LowRank(i[1], i[2], 0.25)),
            new FrozenPart(new ExpandedProducts(new DenseMatrix(second))),
            new FrozenPart(new ExpandedProducts(new DenseMatrix(third)), new LowRank(i[3], i[4], 2), i[0] * kept),
        ])], -1);
        Tensor Apart(Tensor[] i) => cat(
        [
            Plain(i[0], first).Plus(i[0].matmul(i[1].t()).matmul(i[2].t()) * Number(0.25)), Plain(i[0], second),
            Plain(i[0], third).Plus((i[0] * kept).matmul(i[3].t()).matmul(i[4].t()) * Number(2)),
        ], -1);
        foreach (var strided in (bool[])[false, true]) Agree(Together, Apart, strided, x, a, b, c, d);

        static Tensor Plain(Tensor x, Tensor weight) => x.matmul(weight.t().to(x.dtype));
    }

    [Fact]
    public void A_shared_layer_whose_output_is_not_used_has_no_part_in_the_gradient()
    {
        var (weight, other) = (Random(1, 6, 8), Random(2, 5, 8));
        var (a, b) = (Random(3, 2, 8).requires_grad_(), Random(4, 5, 2).requires_grad_());
        var x = Random(5, 3, 8).requires_grad_();
        var outputs = FrozenLinear.Apply(x, [new FrozenPart(new ExpandedProducts(new DenseMatrix(weight))),
            new FrozenPart(new ExpandedProducts(new DenseMatrix(other)), new LowRank(a, b, 1))]);
        outputs[0].sum().backward();
        Close(ones(3, 6, ScalarType.Float64).mm(weight.to(ScalarType.Float64)), x.grad!, "gradient of the input");
        Assert.True(a.grad is null && b.grad is null);
    }

    [Fact]
    public void Four_bit_weights_become_the_same_codes_directly_as_through_fp32()
    {
        manual_seed(1);
        foreach (var (outputs, inputs) in ((long, long)[])[(70, 64), (33, 192), (5, 1024)])
            foreach (var twice in (bool[])[false, true])
            {
                using var matrix = FourBitMatrix.Quantize(randn(outputs, inputs), QuantizationType.Nf4, 64, twice);
                var (direct, through) = (matrix.ToInt8()!, Int8Rows.Of(matrix.Expand()));
                var difference = direct.Codes.to(ScalarType.Int32) - through.Codes.to(ScalarType.Int32);
                Assert.InRange(difference.abs().max().item<int>(), 0, 1);
                Close(through.Scales.to(ScalarType.Float64), direct.Scales, "scales");
            }
        using var odd = FourBitMatrix.Quantize(randn(3, 33), QuantizationType.Nf4);
        Assert.Null(odd.ToInt8()); // rows and blocks do not end together
    }

    [Fact]
    public void A_head_in_int8_keeps_gradients_of_very_different_size()
    {
        manual_seed(2);
        var (weight, hidden) = (randn(300, 64), randn(5, 64));
        using IFrozenProducts products = new FineInt8Products(new DenseMatrix(weight));
        var exact = hidden.mm(weight.t());
        Assert.InRange(Golden.RelativeDifference(products.Forward(hidden), exact), 0, 0.01);
        // Softmax minus one-hot: one value near -1 and 299 of about 1/300, whose sum counts as much.
        var gradient = nn.functional.softmax(exact * Number(0.01), 1);
        gradient[TensorIndex.Colon, 7] -= 1;
        Assert.InRange(Golden.RelativeDifference(products.Backward(gradient), gradient.mm(weight)), 0, 0.01);
        gradient[TensorIndex.Colon, 7] = 0; // without it, the others alone
        var (alone, wanted) = (products.Backward(gradient), gradient.mm(weight));
        Assert.InRange(Golden.RelativeDifference(alone, wanted), 0, 0.02);
        // Added in place, and beside a low-rank term.
        var sum = ones(5, 64);
        products.Backward(gradient, null, sum);
        Assert.InRange(Golden.RelativeDifference(sum, wanted.Plus(ones(5, 64))), 0, 0.02);
        // Control: codes of 8 bits alone lose what is small beside the largest.
        gradient[TensorIndex.Colon, 7] = -100;
        using IFrozenProducts coarse = new Int8Products(new DenseMatrix(weight));
        var without = gradient.clone();
        without[TensorIndex.Colon, 7] = 0;
        var small = without.mm(weight);
        Assert.True(Golden.RelativeDifference(coarse.Backward(gradient) - gradient.sub(without).mm(weight), small) > 0.5);
    }
}
