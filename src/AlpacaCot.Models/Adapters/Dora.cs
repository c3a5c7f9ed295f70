using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// DoRA (Liu et al., 2024): LoRA changes the directions of the weight's rows, and a trained vector m sets their norms, <c>y = m /
/// ‖W + s B A‖ ∘ x (W + s B A)ᵀ</c>. The row norms ‖W + s B A‖ are constants in the backward pass, as the paper proposes. In PEFT
/// this is LoRA with <c>use_dora</c>.
/// </summary>
internal static class Dora
{
    public static ILinearAdapter On(Linear layer, LowRank addition, double dropout, AdapterBuilder builder)
    {
        var shapesOnly = builder.Weights.AreShapes;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var squares = shapesOnly ? builder.Zeros(layer.Outputs)
            : layer.Values().pow(Number(2)).sum(dim: 1); // [outputs], of the frozen base weight
        var magnitude = builder.Train($"{layer.Name}.lora_magnitude_vector", [layer.Outputs],
            () => Lengths(layer, addition, squares, PassMode.Evaluation), alias: $"{layer.Name}.lora_magnitude_vector.weight");
        return new AdaptedLinear(addition, magnitude, builder.Own(squares.MoveToOuterDisposeScope()), dropout);
    }

    // ‖w + Δ‖² = ‖w‖² + 2 w·Δ + ‖Δ‖² with Δ = s B A, row by row, without a matrix of the weight's size.
    private static Tensor Lengths(Linear layer, LowRank addition, Tensor squares, PassMode mode)
    {
        var (a, b, s) = (addition.A.detach(), addition.B.detach(), addition.Scale);
        var cross = (layer.Product(a, mode).t() * b).sum(dim: 1); // w·(B A)
        var squared = (b.matmul(a.matmul(a.t())) * b).sum(dim: 1);
        return (squares.Plus(Number(2 * s) * cross).Plus(Number(s * s) * squared)).clamp_min(Number(0)).sqrt();
    }

    private sealed class AdaptedLinear(LowRank addition, Tensor magnitude, Tensor squares, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var dropped = Dropout.Of(x, dropout, pass.Mode);
            var product = addition.Biased(layer.Product(x, pass.Mode, addition, dropped)); // [.., outputs]
            return layer.Biased(product * Factor(layer, pass.Mode));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (layer.Values().add_(addition.B.matmul(addition.A), alpha: Number(addition.Scale))
                * Factor(layer, PassMode.Evaluation).unsqueeze(1),
                layer.Bias);

        private Tensor Factor(Linear layer, PassMode mode)
        {
            Tensor lengths;
            using (no_grad()) lengths = Lengths(layer, addition, squares, mode);
            return magnitude / lengths;
        }
    }
}
