using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>The two products of a frozen matrix W, <c>[outputs, inputs]</c>, in training and evaluation.</summary>
internal interface IFrozenProducts : IDisposable
{
    /// <summary><c>x Wᵀ</c>: <c>[n, inputs] -> [n, outputs]</c>, fp32, in new memory.</summary>
    Tensor Forward(Tensor x);

    /// <summary>Its gradient, <c>y W</c>: <c>[n, outputs] -> [n, inputs]</c>, fp32, in new memory.</summary>
    Tensor Backward(Tensor y);
}

/// <summary>Creation of products.</summary>
internal static class FrozenProducts
{
    /// <summary>The products of a matrix; whatever they keep beside it is freed with them.</summary>
    public static IFrozenProducts Of(WeightMatrix matrix, Arithmetic arithmetic) => arithmetic switch
    {
        _ when matrix is DenseMatrix { IsTrained: true } => new ExpandedProducts(matrix),
        Arithmetic.BFloat16 => new BFloat16Products(matrix),
        Arithmetic.Int8 => new Int8Products(matrix),
        _ => new ExpandedProducts(matrix),
    };
}

/// <summary>Products in fp32 with the expanded matrix.</summary>
internal sealed class ExpandedProducts(WeightMatrix matrix) : IFrozenProducts
{
    public Tensor Forward(Tensor x) => matrix.ExpandedProduct(x);

    public Tensor Backward(Tensor y) => matrix.BackwardProduct(y);

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
    }

    public Tensor Forward(Tensor x) => Product(x, transposed: true);

    public Tensor Backward(Tensor y) => Product(y, transposed: false);

    public void Dispose() => _kept?.Dispose();

    private Tensor Product(Tensor x, bool transposed)
    {
        using var scope = NewDisposeScope();
        var weight = _kept ?? _matrix.Expand().to(ScalarType.BFloat16);
        return x.to(ScalarType.BFloat16).mm(transposed ? weight.t() : weight).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Products of 8-bit integers (Dettmers et al., 2022, in both directions). The rows of W have one scale each, which the backward
/// product multiplies into the incoming gradient, so the same codes serve both products. Codes of a plain matrix are kept; a
/// 4-bit matrix is quantized again for each product.
/// </summary>
internal sealed class Int8Products : IFrozenProducts
{
    // The magnitude from which activations are outliers, as in LLM.int8().
    private const float Outlier = 6;

    private readonly WeightMatrix _matrix;
    private readonly (Tensor Codes, Tensor Scales)? _kept;
    private readonly bool _owns;

    public Int8Products(WeightMatrix matrix)
    {
        _matrix = matrix;
        _owns = matrix is DenseMatrix;
        if (matrix is Int8Matrix int8) _kept = (int8.Codes, int8.Scales);
        else if (_owns)
        {
            var (codes, scales) = Quantized(matrix);
            _kept = (codes.DetachFromDisposeScope(), scales.DetachFromDisposeScope());
        }
    }

    public Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (weight, columnScales) = _kept ?? Quantized(_matrix); // [outputs, inputs], [outputs]
        return Int8Matrix.Product(x, x.contiguous(), weight, columnScales, Outlier,
            codes => TorchScriptOps.Int8Product(codes, weight.t())).MoveToOuterDisposeScope();
    }

    public Tensor Backward(Tensor y)
    {
        using var scope = NewDisposeScope();
        var (weight, columnScales) = _kept ?? Quantized(_matrix);
        var (codes, rowScales) = Int8Matrix.RowCodes(y.contiguous(), float.PositiveInfinity, columnScales);
        return Int8Matrix.Scaled(TorchScriptOps.Int8Product(codes, weight), rowScales, null).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        if (!_owns || _kept is not { } kept) return;
        kept.Codes.Dispose();
        kept.Scales.Dispose();
    }

    private static (Tensor Codes, Tensor Scales) Quantized(WeightMatrix matrix)
    {
        using var quiet = no_grad();
        return Int8Matrix.RowCodes(matrix.Expand().detach().contiguous(), float.PositiveInfinity);
    }
}
