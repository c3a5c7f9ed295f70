using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>A low-rank update of a linear layer: <c>s · x Aᵀ Bᵀ</c>.</summary>
/// <param name="A"><c>[rank, inputs]</c></param>
/// <param name="B"><c>[outputs, rank]</c></param>
/// <param name="Scale">The factor s.</param>
internal sealed record LowRank(Tensor A, Tensor B, double Scale)
{
    /// <summary>The bias of B, <c>[outputs]</c>, scaled by s, or null.</summary>
    public Tensor? Bias { get; init; }

    /// <summary>Adds the bias of B, if there is one.</summary>
    public Tensor Biased(Tensor y) => Bias is null ? y : y.Plus(Tensors.As(Bias * Number(Scale), y.dtype));
}

/// <summary>A low-rank update of a linear layer.</summary>
internal sealed class LowRankLinear(LowRank addition, double dropout) : ILinearAdapter
{
    /// <summary>The update.</summary>
    public LowRank Addition => addition;

    public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) =>
        layer.Biased(addition.Biased(layer.Product(x, pass.Mode, addition, Dropped(x, pass))));

    /// <summary>The input of the update after dropout; null without.</summary>
    public Tensor? Dropped(Tensor x, ForwardPass pass) => Dropout.Of(x, dropout, pass.Mode);

    public (Tensor Weight, Tensor? Bias) Merged(Linear layer)
    {
        if (addition.Bias is not null && layer.Bias is null)
            throw new InputException(
                $"{layer.Name} has no bias to add the bias of B to, so this adapter (lora_bias) cannot be merged.");
        return (layer.Values().add_(addition.B.matmul(addition.A), alpha: Number(addition.Scale)), layer.Bias is null
            ? null : addition.Biased(layer.Bias));
    }
}
