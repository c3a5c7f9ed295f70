using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>A layer that looks at each token by itself: a linear layer, a norm, a feed-forward.</summary>
public interface ILayer
{
    /// <summary><c>[.., inputs] -> [.., outputs]</c></summary>
    /// <param name="x">The input.</param>
    /// <param name="pass">What the layers of one forward pass share.</param>
    Tensor Forward(Tensor x, ForwardPass pass);
}

/// <summary>A block of a decoder, through which the residual stream passes.</summary>
public interface IBlock
{
    /// <summary><c>[b, s, hidden] -> [b, s, hidden]</c></summary>
    Tensor Forward(Tensor x, ForwardPass pass);
}
