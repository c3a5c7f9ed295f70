using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Models.Tests.Families;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Quantization;

/// <summary>Products of frozen matrices in bf16 and int8: both directions, every stored form, and whole models.</summary>
public sealed class ArithmeticTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(Arithmetic.BFloat16, 5e-3), InlineData(Arithmetic.Int8, 1.5e-2)]
    public void Both_products_of_every_form_are_near_those_in_fp32(Arithmetic arithmetic, double bound)
    {
        manual_seed(1);
        foreach (var (n, inputs, outputs) in ((long, long, long)[])[(1, 64, 32), (5, 33, 70), (130, 256, 100)])
        {
            var weight = randn(outputs, inputs) * (rand(outputs, 1) + Number(0.1));
            var (x, y) = (randn(n, inputs), randn(n, outputs) * Number(1e-5)); // gradients are small
            WeightMatrix[] forms = [new DenseMatrix(weight), new DenseMatrix(weight.to(ScalarType.BFloat16)),
                new DenseMatrix(weight.t().contiguous(), inputsFirst: true), Int8Matrix.Quantize(weight),
                .. inputs % 64 == 0 ? [new QuantizationOptions(QuantizationType.Nf4).Quantize(weight)] : (WeightMatrix[])[]];
            foreach (var form in forms)
            {
                using var products = FrozenProducts.Of(form, arithmetic);
                var values = form.Expand().clone();
                Assert.InRange(Golden.RelativeDifference(products.Forward(x), x.mm(values.t())), 0, bound);
                Assert.InRange(Golden.RelativeDifference(products.Backward(y), y.mm(values)), 0, bound);
                // Control: another matrix is far off.
                Assert.True(Golden.RelativeDifference(products.Forward(x), x.mm(values.roll(1, 0).t())) > 0.5);
            }
        }
    }

    // A row whose scale is not a number has products that are not numbers either: a diverged step is seen.
    [Theory]
    [InlineData(0), InlineData(13), InlineData(20), InlineData(31), InlineData(37), InlineData(43)]
    public void A_gradient_that_is_not_a_number_is_not_rounded_away(int column)
    {
        var y = ones(3, 44);
        y[1, column] = float.NaN;
        var codes = Int8Rows.Scaled(y, ones(44));
        Assert.Equal([false, true, false], codes.Scales.isnan().data<bool>().ToArray());
        Assert.Equal(1f, codes.Scales[2].item<float>());
    }

    [Fact]
    public void Outliers_of_activations_do_not_cost_the_others_their_precision()
    {
        manual_seed(2);
        var (weight, x) = (randn(48, 64), randn(9, 64) * Number(0.5));
        x[2, 7] = 200;
        x[5, 40] = -80;
        using var matrix = Int8Matrix.Quantize(weight);
        using var products = FrozenProducts.Of(matrix, Arithmetic.Int8);
        Assert.InRange(Golden.Difference(products.Forward(x), x.mm(matrix.Expand().t())), 0, 0.15);
        Assert.Equal(0, Golden.Difference(products.Forward(zeros(3, 64)), zeros(3, 48)));
    }

    [Theory]
    [InlineData("llama", Arithmetic.BFloat16, 0.01), InlineData("llama", Arithmetic.Int8, 0.05)]
    [InlineData("bloom", Arithmetic.Int8, 0.05), InlineData("gpt2", Arithmetic.Int8, 0.05)]
    public void A_model_computes_nearly_the_same_loss_and_gradients_and_returns_to_fp32(string family, Arithmetic arithmetic,
        double bound)
    {
        using var model = Golden.Model($"golden/{family}/model");
        using var adapter = Lora.Attach(model, new LoraConfig { Rank = 4, Alpha = 8, TargetPattern = Lora.AllLinear }, seed: 1);
        using (no_grad()) foreach (var weight in adapter.Parameters.Values) weight.add_(randn_like(weight), alpha: Number(0.05));
        var (exact, exactGradients) = Step();
        model.Arithmetic = arithmetic;
        var (loss, gradients) = Step();
        Assert.InRange(Math.Abs(loss / exact - 1), 1e-9, bound);
        Assert.InRange(Golden.RelativeDifference(gradients, exactGradients), 1e-9, 5 * bound);
        model.Arithmetic = Arithmetic.Float32;
        Assert.Equal(exact, Step().Loss);

        (float Loss, Tensor Gradients) Step()
        {
            var loss = new FamilyGolden(family).Batch("rightpad").Loss(model);
            loss.backward();
            var all = cat([.. adapter.Parameters.Values.Select(w => w.grad!.flatten())]);
            foreach (var weight in adapter.Parameters.Values) weight.grad = null;
            return (loss.item<float>(), all);
        }
    }

    [Fact]
    public void Nothing_is_computed_for_inputs_that_do_not_learn()
    {
        var counted = new Counting(new ExpandedProducts(new DenseMatrix(randn(6, 8))));
        var (a, b) = (randn(2, 8).requires_grad_(), randn(6, 2).requires_grad_());
        FrozenLinear.Apply(randn(3, 8), new FrozenPart(counted, new LowRank(a, b, 1))).sum().backward();
        Assert.Equal(0, counted.Backwards);
        Assert.True(a.grad!.norm().item<float>() > 0);
        FrozenLinear.Apply(randn(3, 8).requires_grad_(), new FrozenPart(counted, new LowRank(a, b, 1))).sum().backward();
        Assert.Equal(1, counted.Backwards);
    }

    private sealed class Counting(IFrozenProducts inner) : IFrozenProducts
    {
        public int Backwards { get; private set; }

        public Tensor Forward(ProductInput x, LowRankTerm? term) => inner.Forward(x, term);

        public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum)
        {
            Backwards++;
            return inner.Backward(y, term, sum);
        }

        public void Dispose() => inner.Dispose();
    }
}
