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
    public override long Bytes => Codes.numel() + 4 * Scales.numel();

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; not owned.</param>
    /// <param name="threshold">The magnitude from which activations are outliers; 0: no outliers.</param>
    /// <param name="roundsInTraining"><see cref="QuantizationOptions.RoundsInTraining"/></param>
    public static Int8Matrix Quantize(Tensor weight, float threshold = 6, bool roundsInTraining = false)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (codes, scales) = RowCodes(InHalfPrecision(weight), float.PositiveInfinity);
        return new Int8Matrix(codes, scales, threshold, roundsInTraining);
    }

    /// <summary>Quantizes the rows of an fp32 matrix.</summary>
    /// <param name="x"><c>[n, m]</c>, contiguous.</param>
    /// <param name="threshold">The magnitude from which values get code 0.</param>
    /// <param name="factors">A factor on each column, <c>[m]</c>, used without a threshold only; null: 1.</param>
    internal static (Tensor Codes, Tensor Scales) RowCodes(Tensor x, float threshold, Tensor? factors = null)
    {
        if (!Compute.UsesSimd(x)) return RowCodesByTorch(factors is null ? x : x.mul(factors), threshold);
        var (rows, width) = (x.shape[0], x.shape[1]);
        var codes = Tensors.Empty(x.shape, ScalarType.Int8, CPU);
        var scales = Tensors.Empty([rows], ScalarType.Float32, CPU);
        var (from, to, at) = ((nint)TensorMemory.Floats(x), (nint)TensorMemory.Bytes(codes), (nint)TensorMemory.Floats(scales));
        var columns = factors is null ? 0 : (nint)TensorMemory.Floats(factors);
        Rows.Split(rows, width * 2, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var values = (float*)from + row * width;
                var target = (sbyte*)to + row * width;
                ((float*)at)[row] = columns == 0 ? Int8Kernel.Quantize(values, width, threshold, target)
                    : Int8Kernel.QuantizeScaled(values, (float*)columns, width, target);
            }
        });
        return (codes, scales);
    }

    private static (Tensor Codes, Tensor Scales) RowCodesByTorch(Tensor x, float threshold)
    {
        var numbers = x.masked_fill(x.abs().ge(Number(threshold)), Number(0)); // outliers
        var scales = numbers.abs().amax([1L]);
        var factors = (scales.clamp_min(Number(float.Epsilon)).reciprocal() * Number(127)).mul(scales.gt(Number(0)));
        return (numbers.mul(factors.unsqueeze(1)).round().to(ScalarType.Int8), scales);
    }

    /// <inheritdoc/>
    public override Tensor Expand()
    {
        if (!Compute.UsesSimd(Codes))
        {
            using var numbers = Codes.to(ScalarType.Float32);
            using var columns = Scales.unsqueeze(1);
            using var scaled = numbers.mul(columns);
            return scaled.mul(Number(Int8Kernel.PerCode));
        }
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
    internal override Tensor ExpandedProduct(Tensor x) => _roundsInTraining ? Product(x) : base.ExpandedProduct(x);

    /// <inheritdoc/>
    public override Tensor Product(Tensor x)
    {
        using var scope = NewDisposeScope();
        return Product(x, InHalfPrecision(x), Codes, Scales, _threshold, codes =>
            codes.shape[0] < FewRows && Compute.UsesSimd(codes) ? TorchScriptOps.Int8Product(codes, Codes.t()) : Products(codes))
            .MoveToOuterDisposeScope();
    }

    /// <summary><c>x Wᵀ</c> by products of codes; columns of x with an outlier are multiplied in full precision.</summary>
    /// <param name="x"><c>[n, inputs]</c></param>
    /// <param name="rounded">x as it is quantized, contiguous.</param>
    /// <param name="weight">The codes of W, <c>[outputs, inputs]</c>.</param>
    /// <param name="scales">The scales of its rows, <c>[outputs]</c>.</param>
    /// <param name="threshold">The magnitude from which values of x are outliers; infinite: none are.</param>
    /// <param name="multiply">Multiplies codes of x with those of W: <c>[n, inputs] -> [n, outputs]</c>, int32.</param>
    internal static Tensor Product(
        Tensor x, Tensor rounded, Tensor weight, Tensor scales, float threshold, Func<Tensor, Tensor> multiply)
    {
        var (codes, rowScales) = RowCodes(rounded, threshold);
        var outliers = float.IsPositiveInfinity(threshold) ? null : OutlierColumns(rounded, threshold);
        if (outliers is not null) codes.index_fill_(1, outliers, Number(0));
        var y = Scaled(multiply(codes), rowScales, scales); // [n, outputs]
        if (outliers is null) return y;
        var columns = weight.index_select(1, outliers).to(ScalarType.Float32)
            .mul_(scales.unsqueeze(1)).mul_(Number(Int8Kernel.PerCode));
        return y.addmm_(x.index_select(1, outliers), columns.t());
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Codes.Dispose();
        Scales.Dispose();
    }

    /// <summary>Products of codes as values: <c>product · row scale · column scale / 127²</c>, fp32.</summary>
    /// <param name="products"><c>[n, m]</c>, int32.</param>
    /// <param name="rowScales"><c>[n]</c></param>
    /// <param name="columnScales"><c>[m]</c>; null: 1.</param>
    internal static Tensor Scaled(Tensor products, Tensor rowScales, Tensor? columnScales)
    {
        if (!Compute.UsesSimd(products))
        {
            var factors = rowScales.unsqueeze(1);
            return products.to(ScalarType.Float32).mul(columnScales is null ? factors : columnScales * factors)
                .mul(Number(Int8Kernel.PerProduct));
        }
        var y = Tensors.Empty(products.shape, ScalarType.Float32, CPU);
        var (from, to) = ((nint)TensorMemory.Bytes(products), (nint)TensorMemory.Floats(y));
        var (rows, width) = ((nint)TensorMemory.Floats(rowScales), products.shape[1]);
        var columns = columnScales is null ? 0 : (nint)TensorMemory.Floats(columnScales);
        Rows.Split(products.shape[0], width, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Int8Kernel.Scale((int*)from + row * width, width, ((float*)rows)[row], (float*)columns, (float*)to + row * width);
        });
        return y;
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

    // Columns where any row has an outlier; null for none.
    private static Tensor? OutlierColumns(Tensor x, float threshold)
    {
        var largest = x.abs().amax([0L]); // [inputs]
        var columns = (largest >= Number(threshold)).nonzero().squeeze(1);
        return columns.numel() == 0 ? null : columns;
    }

    private static Tensor InHalfPrecision(Tensor x) => x.detach().to(ScalarType.Float16).to(ScalarType.Float32).contiguous();
}
