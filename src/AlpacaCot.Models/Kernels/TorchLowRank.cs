using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// The three products of a low-rank update by libtorch, for any device and type of activations. Factors and gradients are fp32;
/// with narrower activations they are rounded where they meet them, as mixed precision does.
/// </summary>
internal static class TorchLowRank
{
    /// <summary><c>scale · x tableᵀ</c>: <c>[n, width] -> [n, r]</c>, fp32.</summary>
    public static Tensor Dots(Tensor x, Tensor table, double scale) =>
        Tensors.As(x.mm(Tensors.As(table, x.dtype).t()), ScalarType.Float32).mul_(Number(scale));

    /// <summary>Adds <c>low · table</c> to y, <c>[n, width]</c>, in the type of y.</summary>
    public static void Add(Tensor y, Tensor low, Tensor table) => y.addmm_(Tensors.As(low, y.dtype), Tensors.As(table, y.dtype));

    /// <summary><c>lowᵀ x</c>: <c>[r, width]</c>, fp32.</summary>
    public static Tensor Gather(Tensor low, Tensor x) =>
        Tensors.As(Tensors.As(low, x.dtype).t().mm(x), ScalarType.Float32);
}
