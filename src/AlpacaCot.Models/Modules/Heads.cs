using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Conversion between a projection <c>[b, s, heads · d]</c> and its heads.</summary>
public static class Heads
{
    /// <summary>Splits heads: <c>[b, s, heads · d] -> [b, heads, s, d]</c>.</summary>
    public static Tensor Split(Tensor x, int heads) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);

    /// <summary>Joins heads: <c>[b, heads, s, d] -> [b, s, heads · d]</c>.</summary>
    public static Tensor Join(Tensor x) => x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1);

    /// <summary>Applies a norm to each head of a projection; <paramref name="norm"/> receives <c>[b, s, heads, d]</c>.</summary>
    public static Func<Tensor, ForwardPass, Tensor> Each(int heads, Func<Tensor, ForwardPass, Tensor> norm) =>
        (x, pass) => norm(x.view(x.shape[0], x.shape[1], heads, -1), pass).view(x.shape);
}
