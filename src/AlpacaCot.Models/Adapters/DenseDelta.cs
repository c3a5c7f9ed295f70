using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>An update ΔW of a linear layer's weight that is materialized in full: <c>y = x (W + ΔW)ᵀ</c>.</summary>
/// <param name="delta">Computes ΔW, <c>[outputs, inputs]</c>.</param>
internal sealed class DenseDelta(Func<Tensor> delta) : ILinearAdapter
{
    public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) =>
        layer.Biased(layer.Product(x, pass.Mode).Plus(nn.functional.linear(x, delta())));

    public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => (layer.Values().Plus(delta()), layer.Bias);
}
