using AlpacaCot.Models.Kernels;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// Products of a frozen matrix with activations of a type narrower than fp32, in that type. The matrix is rounded to it for each
/// product where it is stored in another; sums of a product are fp32 inside libtorch.
/// </summary>
/// <param name="matrix">The matrix.</param>
/// <param name="type">The type of the activations.</param>
internal sealed class NarrowProducts(WeightMatrix matrix, ScalarType type) : IFrozenProducts
{
    public Tensor Forward(ProductInput x, LowRankTerm? term)
    {
        using var weight = matrix.ExpandTo(type);
        using var transposed = weight.t();
        return x.Values.mm(transposed).With(term);
    }

    public Tensor Backward(Tensor y, LowRankTerm? term, Tensor? sum)
    {
        using var weight = matrix.ExpandTo(type);
        return (sum?.addmm_(y, weight) ?? y.mm(weight)).With(term);
    }

    public void Dispose() { }
}
