using AlpacaCot.Models.Kernels;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>Activation functions, element by element.</summary>
public static class Activations
{
    /// <summary>The gated unit of LLaMA's feed-forward, <c>silu(gate) · up</c> (Shazeer, 2020).</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up) => SwiGluKernel.Apply(gate, up);
}
