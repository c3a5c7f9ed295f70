using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// DoRA (Liu et al., 2024): LoRA changes the directions of the weight's rows, a vector m their lengths,
/// <c>y = m / ‖W + s B A‖ ∘ x (W + s B A)ᵀ</c>. The lengths are taken as constants in the backward pass, as the paper proposes.
/// In PEFT it is LoRA with <c>use_dora</c>.
/// </summary>
internal static class Dora
{
    public static ILinearAdapter On(Linear layer, LowRank addition, double dropout, AdapterBuilder parts)
    {
        var shapesOnly = parts.Weights.AreShapes;
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var squares = shapesOnly ? parts.Zeros(layer.Outputs)
            : layer.Values().pow(Number(2)).sum(dim: 1); // [outputs], of the base, which stays
        var magnitude = parts.Train($"{layer.Name}.lora_magnitude_vector", [layer.Outputs],
            () => Lengths(layer, addition, squares, PassMode.Evaluation), alias: $"{layer.Name}.lora_magnitude_vector.weight");
        return new AdaptedLinear(addition, magnitude, parts.Own(squares.MoveToOuterDisposeScope()), dropout);
    }

    // ‖w + Δ‖² = ‖w‖² + 2 w·Δ + ‖Δ‖² with Δ = s B A, row by row, without a matrix of the weight's size.
    private static Tensor Lengths(Linear layer, LowRank addition, Tensor squares, PassMode mode)
    {
        var (a, b, s) = (addition.A.detach(), addition.B.detach(), addition.Scale);
        var cross = (layer.Product(a, mode).t() * b).sum(dim: 1); // w·(B A)
        var own = (b.matmul(a.matmul(a.t())) * b).sum(dim: 1);
        return (squares.Plus(Number(2 * s) * cross).Plus(Number(s * s) * own)).clamp_min(Number(0)).sqrt();
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
