using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Elementwise activation functions and gated units.</summary>
public static class Activations
{
    /// <summary>The gated unit of LLaMA's feed-forward, <c>silu(gate) · up</c> (Shazeer, 2020).</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor up) => KernelSet.For(gate).SwiGlu(gate, up);

    /// <summary>The gated unit of Gemma's feed-forward, <c>gelu(gate) · up</c> (Shazeer, 2020).</summary>
    public static Tensor GeGlu(Tensor gate, Tensor up) => GeluTanh(gate) * up;

    /// <summary>GELU by the tanh approximation (Hendrycks and Gimpel, 2016).</summary>
    public static Tensor GeluTanh(Tensor x) => TorchScriptOps.GeluTanh(x);

    /// <summary>The activation with the name used in configurations.</summary>
    /// <exception cref="InputException">The name is unknown.</exception>
    public static Func<Tensor, Tensor> Named(string name) => name switch
    {
        "gelu" => x => nn.functional.gelu(x),
        "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => GeluTanh,
        "relu" => x => nn.functional.relu(x),
        "silu" or "swish" => x => nn.functional.silu(x),
        _ => throw new InputException($"config.json: the activation '{name}' is unknown; gelu, gelu_new, gelu_fast, " +
            "gelu_pytorch_tanh, relu and silu are supported."),
    };

    /// <summary>The gated unit, <c>activation(gate) · up</c>, of the activation with the name used in configurations.</summary>
    /// <exception cref="InputException">The name is unknown.</exception>
    public static Func<Tensor, Tensor, Tensor> GatedBy(string name)
    {
        if (name is "silu" or "swish") return SwiGlu;
        var activation = Named(name);
        return (gate, up) => activation(gate) * up;
    }
}
