using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// A matrix of 8-bit codes, each row scaled by its largest weight. In inference a product quantizes the rows of x as well and
/// multiplies integers; the few columns of x with an outlier are multiplied in full precision (Dettmers et al., 2022:
/// LLM.int8()). In training the values are expanded. The arithmetic is that of bitsandbytes on the CPU, which rounds weights and
/// activations to fp16 before it quantizes them.
/// </summary>
public sealed unsafe class Int8Matrix : WeightMatrix
{
    private const int FewRows = 4; // expanding all codes costs as much as some rows of products

    private readonly float _threshold;
    private readonly bool _roundsInTraining;

    /// <summary>Creates a matrix from tensors in the layout of bitsandbytes; they become owned.</summary>
    /// <param name="codes"><c>[outputs, inputs]</c>, int8.</param>
    /// <param name="scales">The largest absolute weight of each row, <c>[outputs]</c>, fp32.</param>
    /// <param name="threshold">The magnitude from which activations are outliers; 0: no outliers.</param>
    /// <param name="roundsInTraining"><see cref="QuantizationOptions.RoundsInTraining"/></param>
    public Int8Matrix(Tensor codes, Tensor scales, float threshold, bool roundsInTraining = false)
        : base(codes.shape[0], codes.shape[1])
    {
        this._roundsInTraining = roundsInTraining;
        this._threshold = threshold > 0 ? threshold : float.PositiveInfinity;
        (Codes, Scales) = (codes.DetachFromDisposeScope(), scales.DetachFromDisposeScope());
    }

    /// <summary><c>[outputs, inputs]</c>, int8.</summary>
    public Tensor Codes { get; }

    /// <summary>The largest absolute weight of each row, <c>[outputs]</c>, fp32.</summary>
    public Tensor Scales { get; }

    /// <inheritdoc/>
    internal override IEnumerable<Tensor> Parts => [Codes, Scales];

    /// <inheritdoc/>
    public override long Bytes => Codes.numel() + 4 * Scales.numel();

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; not owned.</param>
    /// <param name="threshold">The magnitude from which activations are outliers; 0: no outliers.</param>
    /// <param name="roundsInTraining"><see cref="QuantizationOptions.RoundsInTraining"/></param>
    public static Int8Matrix Quantize(Tensor weight, float threshold = 6, bool roundsInTraining = false)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var rows = Int8Rows.Of(InHalfPrecision(weight));
        return new Int8Matrix(rows.Codes, rows.Scales, threshold, roundsInTraining);
    }

    /// <inheritdoc/>
    public override Tensor Expand()
    {
        if (!Compute.UsesSimd(Codes)) return ExpandedByTorch(ScalarType.Float32);
        var values = ExpansionBuffer.Take(Outputs, Inputs);
        var (to, codes) = ((nint)TensorMemory.Floats(values), (nint)TensorMemory.Bytes(Codes));
        var (scales, width) = ((nint)TensorMemory.Floats(Scales), Inputs);
        Rows.Split(Outputs, width, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Int8Kernel.Expand((sbyte*)codes + row * width, width, ((float*)scales)[row], (float*)to + row * width);
        });
        return values;
    }

    /// <inheritdoc/>
    internal override Tensor ExpandTo(ScalarType type) =>
        Compute.UsesSimd(Codes) ? base.ExpandTo(type) : ExpandedByTorch(type);

    private Tensor ExpandedByTorch(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var result = Tensors.Empty([Outputs, Inputs], type, Codes.device);
        var atOnce = Math.Max(1, FourBitMatrix.WeightsAtOnce / Inputs); // rows
        for (long first = 0; first < Outputs; first += atOnce)
        {
            using var part = NewDisposeScope();
            var rows = Math.Min(atOnce, Outputs - first);
            result.narrow(0, first, rows).copy_(Codes.narrow(0, first, rows).to(ScalarType.Float32)
                .mul(Scales.narrow(0, first, rows).unsqueeze(1)).mul(Number(Int8Kernel.PerCode)));
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    internal override Tensor ExpandedProduct(Tensor x) => _roundsInTraining ? Product(x) : base.ExpandedProduct(x);

    /// <inheritdoc/>
    public override Tensor Product(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Int8Rows.Of(InHalfPrecision(x), _threshold).Product(x, Codes, Scales, (codes, _) =>
            codes.shape[0] < FewRows && Compute.UsesSimd(codes) ? TorchScriptOps.Int8Product(codes, Codes.t()) : Products(codes))
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Codes.Dispose();
        Scales.Dispose();
    }

    /// <inheritdoc/>
    internal override WeightMatrix MoveTo(Device device) => device.type == Codes.device_type ? this
        : new Int8Matrix(Tensors.On(Codes, device), Tensors.On(Scales, device), _threshold, _roundsInTraining);

    // The same integers by fp32 products: fp32 represents all integers up to 2^24, the sum of 1040 products of codes. Exact, and
    // many times faster on processors without byte multiplication.
    private Tensor Products(Tensor codes)
    {
        const long most = 1024;
        Tensor? sum = null;
        for (long at = 0; at < Inputs; at += most)
        {
            using var scope = NewDisposeScope();
            var width = Math.Min(most, Inputs - at);
            var part = nn.functional.linear(codes.narrow(1, at, width).to(ScalarType.Float32),
                Codes.narrow(1, at, width).to(ScalarType.Float32)).to(ScalarType.Int32);
            sum = (sum is null ? part : sum.PlusInPlace(part)).MoveToOuterDisposeScope();
        }
        return sum!;
    }

    private static Tensor InHalfPrecision(Tensor x) => x.detach().to(ScalarType.Float16).to(ScalarType.Float32).contiguous();
}
