using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Quantization;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static AlpacaCot.Models.Tests.Kernels.KernelCheck;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Tests.Kernels;

/// <summary>
/// Every kernel against plain operations, values and gradients: widths below, at and between the vector widths, few rows and so
/// many that two threads share them.
/// </summary>
public sealed class KernelTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public static TheoryData<long, long, bool> Sizes => new()
    {
        { 1, 1, false }, { 3, 7, false }, { 1, 8, false }, { 2, 33, true }, { 2111, 33, false }, { 2111, 33, true },
        { 65_600, 1, false },
    };

    public void Dispose() => _scope.Dispose();

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Rms_norm(long rows, long width, bool strided) =>
        Agree(x => RmsNormKernel.Apply(x[0], x[1], 1e-5), x => PlainRmsNorm(x[0], x[1], 1e-5), strided,
            Random(1, rows, width), Random(2, width));

    [Fact]
    public void Rms_norm_of_zeros_and_of_a_batch_with_a_frozen_gain()
    {
        Agree(x => RmsNormKernel.Apply(x[0], x[1], 1e-5), x => PlainRmsNorm(x[0], x[1], 1e-5), false, zeros(2, 7), Random(2, 7));
        var gain = Random(2, 33);
        Agree(x => RmsNormKernel.Apply(x[0], gain, 1e-5), x => PlainRmsNorm(x[0], gain.to(ScalarType.Float64), 1e-5), true,
            Random(1, 3, 5, 33));
        var x = Random(1, 5, 33);
        Agree(w => RmsNormKernel.Apply(x, w[0], 1e-5), w => PlainRmsNorm(x.to(ScalarType.Float64), w[0], 1e-5), false, gain);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void SwiGlu(long rows, long width, bool strided) =>
        Agree(x => SwiGluKernel.Apply(x[0], x[1]), x => nn.functional.silu(x[0]) * x[1], strided,
            Random(1, rows, width) * Number(3), Random(2, rows, width));

    [Fact]
    public void SwiGlu_where_exp_overflows() =>
        Agree(x => SwiGluKernel.Apply(x[0], x[1]), x => nn.functional.silu(x[0]) * x[1], false,
            linspace(-200, 200, 41), Random(2, 41));

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Log_probabilities(long rows, long width, bool strided)
    {
        var targets = Range(0, rows, CPU, ScalarType.Int64).mul(Number(31)).remainder(Number(width));
        Agree(x => LogProbabilityKernel.Apply(Owned(x[0]), targets), x => PlainLogProbabilities(x[0], targets), strided,
            Random(1, rows, width) * Number(4));
        // The gradient of a plain sum of losses takes a way of its own.
        Agree(x => -LogProbabilityKernel.Apply(Owned(x[0]), targets).sum().view(1),
            x => -PlainLogProbabilities(x[0], targets).sum().view(1), strided, Random(1, rows, width) * Number(4));
    }

    [Theory]
    [InlineData(1e4f)]
    [InlineData(-1e4f)]
    public void Log_probabilities_of_extreme_logits(float extreme)
    {
        var logits = Random(1, 6, 37);
        logits[1] += extreme; // all of a row
        logits[2, 5] = extreme; // the target
        logits[3, 6] = extreme; // another token
        logits[4, 36] = extreme; // outside the last whole vector
        logits[5, 7] = -extreme;
        logits[5, 8] = extreme;
        var targets = tensor([0L, 1, 5, 5, 36, 7]);
        Agree(x => LogProbabilityKernel.Apply(Owned(x[0]), targets), x => PlainLogProbabilities(x[0], targets), false, logits);
    }

    [Fact]
    public void Log_probabilities_says_not_a_number_when_a_logit_is()
    {
        var logits = Random(1, 2, 37);
        logits[1, 20] = float.NaN;
        Assert.True(double.IsNaN(LogProbabilityKernel.Apply(logits, tensor([0L, 1]))[1].item<double>()));
    }

    [Theory]
    [InlineData(1, 1, 1, 2, false)]
    [InlineData(2, 3, 2, 6, true)]
    [InlineData(1, 7, 3, 14, false)]
    [InlineData(2, 5, 1, 16, true)]
    [InlineData(2, 33, 2, 66, true)]
    [InlineData(2, 130, 4, 64, false)]
    public void Rope_at_running_positions_and_at_given_ones(int batch, int length, int heads, int dimension, bool strided)
    {
        using var rope = new Rope(dimension, 10000, new RopeScaling());
        var x = Random(1, batch, length, heads * dimension);
        var running = rope.Tables(3, length);
        Agree(i => Rope.Rotate(i[0], running, heads), i => PlainRope(i[0], running, heads), strided, x);
        var positions = Range(0, batch * length, CPU, ScalarType.Int64).mul(Number(7)).remainder(Number(length + 5)).view(batch,
            length);
        var given = rope.Tables(positions, length + 5);
        Agree(i => Rope.Rotate(i[0], given, heads), i => PlainRope(i[0], given, heads), strided, x);
    }

    [Theory]
    [InlineData(1, 1, 1, ScalarType.Float32)]
    [InlineData(7, 33, 1, ScalarType.Float32)]
    [InlineData(33, 7, 4, ScalarType.BFloat16)]
    [InlineData(33, 33, 33, ScalarType.Float16)]
    public void Frozen_linear_with_and_without_low_rank_and_dropout(long inputs, long outputs, long rank, ScalarType stored)
    {
        var numbers = Random(1, outputs, inputs).to(stored);
        var (products, exact) = (new ExpandedProducts(new DenseMatrix(numbers)), numbers.to(ScalarType.Float64));
        var (x, a, b) = (Random(2, 2, 5, inputs), Random(3, rank, inputs), Random(4, outputs, rank));
        var mask = Random(5, 2, 5, inputs).gt(Number(0)).to(ScalarType.Float32).mul(Number(2));
        Tensor Plain(Tensor[] i, Tensor? kept = null) =>
            i[0].matmul(exact.t()).Plus(Number(0.25) * (kept is null ? i[0] : i[0] * kept).matmul(i[1].t()).matmul(i[2].t()));
        foreach (var strided in (bool[])[false, true])
        {
            Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products)), i => i[0].matmul(exact.t()), strided, x);
            Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products, new LowRank(i[1], i[2], 0.25))), i => Plain(i), strided,
                x, a, b);
            Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products, new LowRank(i[1], i[2], 0.25), i[0] * mask)),
                i => Plain(i, mask), strided,
                x, a, b);
            // The first adapted layer reads embeddings, which do not learn.
            Agree(i => FrozenLinear.Apply(x, new FrozenPart(products, new LowRank(i[0], i[1], 0.25))),
                i => Plain([x.to(ScalarType.Float64), .. i]),
                strided, a, b);
            Agree(i => FrozenLinear.Apply(x, new FrozenPart(products, new LowRank(i[0], i[1], 0.25), x * mask)),
                i => Plain([x.to(ScalarType.Float64), .. i], mask), strided, a, b);
        }
    }

    [Fact]
    public void Frozen_linear_over_a_matrix_that_is_expanded_in_parts()
    {
        var numbers = Random(1, 33, 7).to(ScalarType.BFloat16);
        var products = new ExpandedProducts(new DenseMatrix(numbers) { PartNumbers = 71 }); // 10 rows
        var exact = numbers.to(ScalarType.Float64);
        var (x, a, b) = (Random(2, 2, 5, 7), Random(3, 2, 7), Random(4, 33, 2));
        Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products)), i => i[0].matmul(exact.t()), strided: false, x);
        Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products, new LowRank(i[1], i[2], 0.25))),
            i => i[0].matmul(exact.t()).Plus(Number(0.25) * i[0].matmul(i[1].t()).matmul(i[2].t())), strided: true, x, a, b);
    }

    [Fact]
    public void Control_slightly_wrong_kernels_are_noticed()
    {
        var (x, w) = (Random(1, 5, 33), Random(2, 33));
        Wrong(() => Agree(i => RmsNormKernel.Apply(i[0], i[1], 1e-3), i => PlainRmsNorm(i[0], i[1], 1e-5), false, x, w));
        Wrong(() => Agree(i => SwiGluKernel.Apply(i[0], x), i => nn.functional.gelu(i[0]) * x, false, x));
        Wrong(() => Agree(i => LogProbabilityKernel.Apply(Owned(i[0] * Number(1.001)), zeros(5, ScalarType.Int64)),
            i => PlainLogProbabilities(i[0], zeros(5, ScalarType.Int64)), false, x));
        using var rope = new Rope(32, 10000, new RopeScaling());
        var y = Random(1, 1, 5, 64);
        Wrong(() => Agree(i => Rope.Rotate(i[0], rope.Tables(1, 5), 2), i => PlainRope(i[0], rope.Tables(0, 5), 2), false, y));
        // Right values, wrong gradient.
        var square = Random(3, 33, 33);
        var products = new ExpandedProducts(new DenseMatrix(square));
        Wrong(() => Agree(i => FrozenLinear.Apply(i[0], new FrozenPart(products)).Plus((i[0] * Number(0.1)).detach()),
            i => i[0].matmul(square.t().to(ScalarType.Float64)).Plus(i[0] * Number(0.1)), false, x));
    }

    private static void Wrong(Action check) => Assert.ThrowsAny<Xunit.Sdk.XunitException>(check);

    // The kernel takes over its logits and overwrites them.
    private static Tensor Owned(Tensor logits) => (logits * Number(1)).contiguous();

    private static Tensor PlainRmsNorm(Tensor x, Tensor weight, double epsilon) =>
        x * (x.pow(Number(2)).mean([-1], keepdim: true) + Number(epsilon)).rsqrt() * weight;

    private static Tensor PlainLogProbabilities(Tensor logits, Tensor targets) =>
        nn.functional.log_softmax(logits, -1).gather(1, targets.unsqueeze(1)).squeeze(1);

    private static Tensor PlainRope(Tensor x, (Tensor Cos, Tensor Sin) turns, int heads)
    {
        var (b, s, d) = (x.shape[0], x.shape[1], x.shape[2] / heads);
        var split = x.reshape(b, s, heads, d).transpose(1, 2); // [b, h, s, d]
        var half = cat([-split.narrow(3, d / 2, d / 2), split.narrow(3, 0, d / 2)], -1);
        return (split * turns.Cos.to(ScalarType.Float64)).Plus(half * turns.Sin.to(ScalarType.Float64));
    }
}
