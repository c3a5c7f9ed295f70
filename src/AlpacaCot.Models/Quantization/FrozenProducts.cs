using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>The two products of a frozen matrix W, <c>[outputs, inputs]</c>, in training and evaluation.</summary>
internal interface IFrozenProducts : IDisposable
{
    /// <summary><c>x Wᵀ</c> and a low-rank term: <c>[n, inputs] -> [n, outputs]</c>, fp32, in new memory.</summary>
    Tensor Forward(ProductInput x, LowRankTerm? term);

    /// <summary>The gradient of the product, <c>y W</c>, and a low-rank term: <c>[n, outputs] -> [n, inputs]</c>, fp32.</summary>
    /// <param name="y"><c>[n, outputs]</c></param>
    /// <param name="term">The low-rank term, or null.</param>
    /// <param name="sum">What both are added to, in place; null: new memory.</param>
    Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum);

    /// <summary><c>x Wᵀ</c></summary>
    Tensor Forward(Tensor x) => Forward(new ProductInput(x), null);

    /// <summary><c>y W</c></summary>
    Tensor Backward(Tensor y) => Backward(y, null, null);
}

/// <summary>
/// The input of several products, with the forms that their arithmetic needs, each made once. They belong to the dispose scope of
/// the first product.
/// </summary>
/// <param name="x"><c>[n, inputs]</c>, fp32.</param>
internal sealed class ProductInput(Tensor x)
{
    // The magnitude from which activations are outliers, as in LLM.int8().
    private const float Outlier = 6;

    private Tensor? _narrow;
    private Int8Rows? _codes;

    /// <summary>The numbers in fp32.</summary>
    public Tensor Values => x;

    /// <summary>The numbers in bf16.</summary>
    public Tensor BFloat16 => _narrow ??= x.to(ScalarType.BFloat16);

    /// <summary>The numbers in 8-bit codes.</summary>
    public Int8Rows Codes => _codes ??= Int8Rows.Of(x, Outlier);
}

/// <summary>Creation of products.</summary>
internal static class FrozenProducts
{
    /// <summary>The products of a matrix; whatever they keep beside it is freed with them.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="arithmetic">The arithmetic of the model.</param>
    /// <param name="isHead">Whether it is the head, whose errors reach every log-probability directly.</param>
    public static IFrozenProducts Of(WeightMatrix matrix, Arithmetic arithmetic, bool isHead = false) => arithmetic switch
    {
        _ when matrix is DenseMatrix { IsTrained: true } => new ExpandedProducts(matrix),
        _ when isHead => OfHead(matrix, arithmetic),
        Arithmetic.BFloat16 => new BFloat16Products(matrix),
        Arithmetic.Int8 => new Int8Products(matrix),
        _ => new ExpandedProducts(matrix),
    };

    private static IFrozenProducts OfHead(WeightMatrix matrix, Arithmetic arithmetic) =>
        arithmetic == Arithmetic.Int8 && matrix is DenseMatrix && Compute.UsesSimd(DeviceType.CPU)
            ? new FineInt8Products(matrix) : new ExpandedProducts(matrix);

    /// <summary>Adds a low-rank term to y, if there is one.</summary>
    public static Tensor With(this Tensor y, LowRankTerm? term)
    {
        if (term is not null) LowRankKernel.Add(y, term.Low, term.Table);
        return y;
    }
}

/// <summary>
/// Products of a matrix in a mapped file, whose pages leave this process's memory after each product. They stay in the system's
/// cache as long as nothing else needs the memory, so that a model of any size is trained in the memory of one of its matrices.
/// </summary>
internal sealed class StreamedProducts(IFrozenProducts inner, WeightMatrix matrix) : IFrozenProducts
{
    public Tensor Forward(ProductInput x, LowRankTerm? term) => Dropping(inner.Forward(x, term));

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum) => Dropping(inner.Backward(y, term, sum));

    public void Dispose() => inner.Dispose();

    private Tensor Dropping(Tensor result)
    {
        matrix.DropPages();
        return result;
    }
}

/// <summary>Products in fp32 with the expanded matrix.</summary>
internal sealed class ExpandedProducts(WeightMatrix matrix) : IFrozenProducts
{
    public Tensor Forward(ProductInput x, LowRankTerm? term) => matrix.ExpandedProduct(x.Values).With(term);

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum) => matrix.BackwardProduct(y, sum).With(term);

    public void Dispose() { }
}

/// <summary>Products of bf16 numbers. A plain matrix is kept in bf16; a quantized one is expanded for each product.</summary>
internal sealed class BFloat16Products : IFrozenProducts
{
    private readonly WeightMatrix _matrix;
    private readonly Tensor? _kept;

    public BFloat16Products(WeightMatrix matrix)
    {
        _matrix = matrix;
        if (matrix is not DenseMatrix dense) return;
        using var quiet = no_grad();
        _kept = (dense.Weight.dtype == ScalarType.BFloat16 ? dense.Weight.alias() : dense.Weight.to(ScalarType.BFloat16))
            .DetachFromDisposeScope();
        if (dense.Weight.dtype != ScalarType.BFloat16) matrix.DropPages();
    }

    public Tensor Forward(ProductInput x, LowRankTerm? term) => Product(x.BFloat16, transposed: true).With(term);

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum)
    {
        using var narrow = y.to(ScalarType.BFloat16);
        var product = Product(narrow, transposed: false);
        if (sum is null) return product.With(term);
        using (product) return sum.PlusInPlace(product).With(term);
    }

    public void Dispose() => _kept?.Dispose();

    private Tensor Product(Tensor x, bool transposed)
    {
        using var scope = NewDisposeScope();
        var weight = _kept ?? _matrix.Expand().to(ScalarType.BFloat16);
        return x.mm(transposed ? weight.t() : weight).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Products of 8-bit integers (Dettmers et al., 2022, in both directions). The rows of W have one scale each, which the backward
/// product multiplies into the incoming gradient, so the same codes serve both products. Codes of a plain matrix are kept; a
/// 4-bit matrix is quantized again for each product.
/// </summary>
internal sealed class Int8Products : IFrozenProducts
{
    private readonly WeightMatrix _matrix;
    private readonly Int8Rows? _kept;
    private readonly bool _owns;

    public Int8Products(WeightMatrix matrix)
    {
        _matrix = matrix;
        _owns = matrix is DenseMatrix;
        if (matrix is Int8Matrix int8) _kept = new Int8Rows(int8.Codes, int8.Scales, null);
        else if (_owns)
        {
            _kept = Quantized();
            _kept.Codes.DetachFromDisposeScope();
            _kept.Scales.DetachFromDisposeScope();
            matrix.DropPages();
        }
    }

    public Tensor Forward(ProductInput x, LowRankTerm? term)
    {
        var codes = x.Codes; // of the caller's scope
        using var scope = NewDisposeScope();
        var weight = _kept ?? Quantized();
        return codes.Product(x.Values, weight.Codes, weight.Scales,
            (numbers, memory) => Multiply(numbers, weight.Codes.t(), memory), term)
            .MoveToOuterDisposeScope();
    }

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum)
    {
        using var scope = NewDisposeScope();
        var weight = _kept ?? Quantized();
        var codes = Int8Rows.Scaled(y, weight.Scales);
        if (sum is not null)
        {
            codes.SetValues(sum, TorchScriptOps.Int8Product(codes.Codes, weight.Codes), null, term, adds: true);
            return sum;
        }
        var x = Tensors.Empty([y.shape[0], _matrix.Inputs], ScalarType.Float32, y.device);
        using (var products = Multiply(codes.Codes, weight.Codes, x)) codes.SetValues(x, products, null, term);
        return x.MoveToOuterDisposeScope();
    }

    // In the memory of the result: a product is converted in place.
    private static Tensor Multiply(Tensor a, Tensor b, Tensor memory) => Compute.UsesSimd(memory)
        ? TorchScriptOps.Int8Product(a, b, memory) : TorchScriptOps.Int8Product(a, b);

    public void Dispose()
    {
        if (!_owns || _kept is not { } kept) return;
        kept.Codes.Dispose();
        kept.Scales.Dispose();
    }

    private Int8Rows Quantized()
    {
        using var quiet = no_grad();
        return (_matrix as FourBitMatrix)?.ToInt8() ?? Int8Rows.Of(_matrix.Expand().detach());
    }
}

/// <summary>
/// Products of 8-bit weights with inputs of 16 bits in two 8-bit codes, for a head. The gradient of a softmax has values of very
/// different size in one row; with 8 bits, all but the largest would vanish.
/// </summary>
internal sealed unsafe class FineInt8Products : IFrozenProducts
{
    // The rows of W at a time: their products are twice as wide as the logits.
    private const long RowsAtOnce = 8192;

    private readonly Int8Rows _weight; // [outputs, inputs]

    public FineInt8Products(WeightMatrix matrix)
    {
        using var quiet = no_grad();
        _weight = Int8Rows.Of(matrix.Expand().detach());
        _weight.Codes.DetachFromDisposeScope();
        _weight.Scales.DetachFromDisposeScope();
        matrix.DropPages();
    }

    public Tensor Forward(ProductInput x, LowRankTerm? term)
    {
        using var scope = NewDisposeScope();
        var (rows, outputs) = (x.Values.shape[0], _weight.Codes.shape[0]);
        var y = Tensors.Empty([rows, outputs], ScalarType.Float32, CPU);
        var (codes, scales) = Fine(x.Values, null);
        for (long first = 0; first < outputs; first += RowsAtOnce)
        {
            var count = Math.Min(RowsAtOnce, outputs - first);
            using var part = _weight.Codes.narrow(0, first, count);
            using var products = TorchScriptOps.Int8Product(codes, part.t());
            SetValues(y, first, products, scales, _weight.Scales, adds: false);
        }
        return y.With(term).MoveToOuterDisposeScope();
    }

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum)
    {
        using var scope = NewDisposeScope();
        var x = sum ?? Tensors.Empty([y.shape[0], _weight.Codes.shape[1]], ScalarType.Float32, CPU);
        var (codes, scales) = Fine(y, _weight.Scales);
        SetValues(x, 0, TorchScriptOps.Int8Product(codes, _weight.Codes), scales, null, adds: sum is not null);
        x.With(term);
        return sum ?? x.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _weight.Codes.Dispose();
        _weight.Scales.Dispose();
    }

    // Codes: all first codes, then all second ones, [2 n, m].
    private static (Tensor Codes, Tensor Scales) Fine(Tensor x, Tensor? factors)
    {
        var (by, rows, width) = (factors is null ? 0 : (nint)TensorMemory.Floats(factors), x.shape[0], x.shape[1]);
        return Int8Rows.Quantized(x, 2, (values, codes) =>
            Int8Kernel.QuantizeFine(values, (float*)by, width, codes, codes + rows * width));
    }

    // Sets columns of y from products with all codes, [2 n, k].
    private static void SetValues(Tensor y, long column, Tensor products, Tensor rowScales, Tensor? columnScales, bool adds)
    {
        var (rows, whole, width) = (y.shape[0], y.shape[1], products.shape[1]);
        var (from, to, scales) = ((nint)TensorMemory.Bytes(products), (nint)TensorMemory.Floats(y),
            (nint)TensorMemory.Floats(rowScales));
        var columns = columnScales is null ? 0 : (nint)(TensorMemory.Floats(columnScales) + column);
        Rows.Split(rows, width * 2, (first, end) =>
        {
            for (var row = first; row < end; row++)
                Int8Kernel.ScaleFine((int*)from + row * width, (int*)from + (rows + row) * width, width, ((float*)scales)[row],
                    (float*)columns, (float*)to + row * whole + column, adds);
        });
    }
}
