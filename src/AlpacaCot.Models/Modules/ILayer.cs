using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>A layer that processes each token independently: a linear layer, a norm, a feed-forward.</summary>
public interface ILayer
{
    /// <summary>Computes the layer's output: <c>[.., inputs] -> [.., outputs]</c>.</summary>
    /// <param name="x">The input, <c>[.., inputs]</c>.</param>
    /// <param name="pass">The state shared by the layers of one forward pass.</param>
    Tensor Forward(Tensor x, ForwardPass pass);
}

/// <summary>A decoder block, which updates the residual stream.</summary>
public interface IBlock
{
    /// <summary>Computes the updated residual stream: <c>[b, s, hidden] -> [b, s, hidden]</c>.</summary>
    Tensor Forward(Tensor x, ForwardPass pass);
}
