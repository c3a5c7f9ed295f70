using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// The rows of an fp32 matrix in 8-bit codes, each scaled by its largest value. Columns with outliers have codes of 0 and are
/// multiplied in full precision (Dettmers et al., 2022: LLM.int8()).
/// </summary>
/// <param name="Codes"><c>[n, m]</c>, int8.</param>
/// <param name="Scales">The largest absolute value of each row that is no outlier, <c>[n]</c>, fp32.</param>
/// <param name="Outliers">The columns with outliers, int64; null for none.</param>
internal sealed unsafe record Int8Rows(Tensor Codes, Tensor Scales, Tensor? Outliers)
{
    private const int RowsAtOnce = 4;

    /// <summary>Quantizes the rows of x.</summary>
    /// <param name="x"><c>[n, m]</c>, fp32.</param>
    /// <param name="threshold">The magnitude from which values are outliers.</param>
    public static Int8Rows Of(Tensor x, float threshold = float.PositiveInfinity)
    {
        if (!Compute.UsesSimd(x)) return ByTorch(x, threshold);
        var width = x.shape[1];
        var columns = new byte[width];
        Tensor codes, scales;
        fixed (byte* marks = columns)
        {
            var marked = (nint)marks;
            (codes, scales) = Quantized(x, 1, (values, codes) =>
                Int8Kernel.Quantize(values, width, threshold, codes, (byte*)marked));
        }
        if (!columns.AsSpan().Contains((byte)1)) return new Int8Rows(codes, scales, null);
        var outliers = Tensors.Of([.. Enumerable.Range(0, (int)width).Where(c => columns[c] == 1).Select(c => (long)c)], CPU);
        codes.index_fill_(1, outliers, Number(0));
        return new Int8Rows(codes, scales, outliers);
    }

    /// <summary>Quantizes the rows of x with a factor on each column, without outliers.</summary>
    /// <param name="x"><c>[n, m]</c>, fp32.</param>
    /// <param name="factors"><c>[m]</c>, fp32.</param>
    public static Int8Rows Scaled(Tensor x, Tensor factors)
    {
        if (!Compute.UsesSimd(x)) return ByTorch(x.mul(factors), float.PositiveInfinity);
        var (by, width) = ((nint)TensorMemory.Floats(factors), x.shape[1]);
        var (codes, scales) = Quantized(x, 1, (values, codes) => Int8Kernel.QuantizeScaled(values, (float*)by, width, codes));
        return new Int8Rows(codes, scales, null);
    }

    /// <summary><c>x Wᵀ</c>: products of codes, and those of columns with outliers in fp32.</summary>
    /// <param name="x">What was quantized, <c>[n, m]</c>.</param>
    /// <param name="weight">The codes of W, <c>[outputs, m]</c>.</param>
    /// <param name="scales">The scales of its rows, <c>[outputs]</c>.</param>
    /// <param name="multiply">Multiplies codes of x with those of W: <c>[n, m] -> [n, outputs]</c>, int32. The second argument is
    /// fp32 memory of the result's shape that it may use.</param>
    /// <param name="term">A low-rank term that is added.</param>
    public Tensor Product(
        Tensor x, Tensor weight, Tensor scales, Func<Tensor, Tensor, Tensor> multiply, LowRankTerm? term = null)
    {
        var y = Tensors.Empty([x.shape[0], weight.shape[0]], ScalarType.Float32, x.device); // [n, outputs]
        using (var products = multiply(Codes, y)) SetValues(y, products, scales, term);
        if (Outliers is null) return y;
        var columns = weight.index_select(1, Outliers).to(ScalarType.Float32)
            .mul_(scales.unsqueeze(1)).mul_(Number(Int8Kernel.PerCode));
        return y.addmm_(x.index_select(1, Outliers), columns.t());
    }

    /// <summary>Sets y to the values of products of these codes with others, <c>product · row scale · column scale / 127²</c>,
    /// and a low-rank term.</summary>
    /// <param name="y"><c>[n, k]</c>, fp32, contiguous.</param>
    /// <param name="products"><c>[n, k]</c>, int32, possibly in the memory of y.</param>
    /// <param name="columnScales"><c>[k]</c>; null: 1.</param>
    /// <param name="term">The low-rank term, or null.</param>
    /// <param name="adds">Whether both are added to what is in y; the products have other memory then.</param>
    public void SetValues(Tensor y, Tensor products, Tensor? columnScales, LowRankTerm? term, bool adds = false)
    {
        if (!Compute.UsesSimd(products))
        {
            var factors = Scales.unsqueeze(1);
            var values = products.to(ScalarType.Float32).mul(columnScales is null ? factors : columnScales * factors)
                .mul(Number(Int8Kernel.PerProduct));
            if (adds) y.PlusInPlace(values);
            else y.copy_(values);
            y.With(term);
            return;
        }
        var (from, to) = ((nint)TensorMemory.Bytes(products), (nint)TensorMemory.Floats(y));
        var (n, width) = (products.shape[0], products.shape[1]);
        var (rows, columns) = ((nint)TensorMemory.Floats(Scales),
            columnScales is null ? 0 : (nint)TensorMemory.Floats(columnScales));
        var fused = term is not null && LowRankKernel.Fits(y, term.Table);
        var (low, table) = fused ? ((nint)TensorMemory.Floats(term!.Low), (nint)TensorMemory.Floats(term.Table)) : (0, 0);
        var rank = term?.Table.shape[0] ?? 0;
        Rows.Split((n + RowsAtOnce - 1) / RowsAtOnce, RowsAtOnce * width, (first, end) =>
        {
            for (var block = first * RowsAtOnce; block < Math.Min(end * RowsAtOnce, n); block += RowsAtOnce)
            {
                var count = Math.Min(RowsAtOnce, n - block);
                for (var row = block; row < block + count; row++)
                    Int8Kernel.Scale((int*)from + row * width, width, ((float*)rows)[row], (float*)columns,
                        (float*)to + row * width,
                        adds);
                if (fused) LowRankKernel.Add((float*)to + block * width, count, width, (float*)low + block * rank, (float*)table,
                    rank);
            }
        });
        if (!fused) y.With(term);
    }

    /// <summary>Quantizes each row of x, on several threads.</summary>
    /// <param name="x"><c>[n, m]</c>, fp32.</param>
    /// <param name="each">The number of codes of a value, k.</param>
    /// <param name="quantize">Writes the first codes of a row, and further ones n · m codes later each.</param>
    /// <returns>The codes, <c>[k n, m]</c>, and the scales, <c>[n]</c>.</returns>
    internal static (Tensor Codes, Tensor Scales) Quantized(Tensor x, long each, RowQuantizer quantize)
    {
        using var contiguous = x.contiguous();
        var (rows, width) = (x.shape[0], x.shape[1]);
        var codes = Tensors.Empty([each * rows, width], ScalarType.Int8, CPU);
        var scales = Tensors.Empty([rows], ScalarType.Float32, CPU);
        var (from, to, at) = ((nint)TensorMemory.Floats(contiguous), (nint)TensorMemory.Bytes(codes),
            (nint)TensorMemory.Floats(scales));
        Rows.Split(rows, width * 2, (first, end) =>
        {
            for (var row = first; row < end; row++)
                ((float*)at)[row] = quantize((float*)from + row * width, (sbyte*)to + row * width);
        });
        return (codes, scales);
    }

    /// <summary>Quantizes one row and returns its scale.</summary>
    internal delegate float RowQuantizer(float* values, sbyte* codes);

    private static Int8Rows ByTorch(Tensor x, float threshold)
    {
        var inside = x.abs().lt(Number(threshold));
        var numbers = x.masked_fill(inside.logical_not(), Number(0));
        var scales = numbers.abs().amax([1L]);
        var factors = (scales.clamp_min(Number(float.Epsilon)).reciprocal() * Number(127)).mul(scales.gt(Number(0)));
        var codes = numbers.mul(factors.unsqueeze(1)).round().to(ScalarType.Int8);
        if (float.IsPositiveInfinity(threshold)) return new Int8Rows(codes, scales, null);
        var columns = inside.all(0).logical_not().nonzero().squeeze(1);
        return columns.numel() == 0 ? new Int8Rows(codes, scales, null)
            : new Int8Rows(codes.index_fill(1, columns, Number(0)), scales, columns);
    }
}
