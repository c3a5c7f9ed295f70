using static TorchSharp.torch;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// A libtorch of another build may have all symbols and still use another object layout (it promises no binary compatibility):
/// a forward and a backward pass with known results must be correct before it is used.
/// </summary>
internal static class NumericSelfTest
{
    /// <exception cref="BadImageFormatException">The results are wrong.</exception>
    public static void Run()
    {
        using var scope = NewDisposeScope();
        var x = Tensors.Of([1f, 2f, 3f, 4f], [2, 2], CPU).requires_grad_();
        var y = x.matmul(x); // [[7, 10], [15, 22]]
        y.sum().backward(); // d(sum)/dx = rowsum + columnsum: [[7, 11], [9, 13]]
        var right = y.data<float>().SequenceEqual([7f, 10f, 15f, 22f])
            && x.grad!.data<float>().SequenceEqual([7f, 11f, 9f, 13f])
            && Math.Abs(nn.functional.softmax(Tensors.Of([0f, MathF.Log(3)], CPU), dim: 0)[1].item<float>() - 0.75f) < 1e-6f;
        if (!right)
            throw new BadImageFormatException(
                "this libtorch computes wrong results under TorchSharp: its binary layout differs.");
    }
}
