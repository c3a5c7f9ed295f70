using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// Muon (Jordan et al., 2024): the momentum of a matrix is replaced by the nearest matrix with orthogonal rows or columns before
/// it is applied. Scaled as in Liu et al. (2025), so that AdamW's learning rates apply; parameters other than hidden matrices
/// use AdamW.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="others">The hyperparameters of AdamW; its weight decay applies to all parameters.</param>
/// <param name="momentum">Decay rate of the momentum.</param>
/// <param name="isHidden">Whether a matrix, by name, is a hidden weight rather than an embedding or the head; null: all
/// are.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
public sealed class Muon(IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions others, double momentum = 0.95,
    Func<string, bool>? isHidden = null, Func<string, double>? rateFactor = null)
    : Optimizer(parameters, rateFactor, (name, weight) => weight.dim() == 2 && isHidden?.Invoke(name) != false
        ? new MuonRule(weight, momentum, others.WeightDecay) : new AdamWRule(weight, others));

/// <summary>The Muon update of one matrix.</summary>
internal sealed class MuonRule(Tensor like, double momentum, double weightDecay) : UpdateRule
{
    private const int Iterations = 5;
    private const double RootMeanSquare = 0.2; // of AdamW's updates, as measured by Liu et al.

    private readonly Tensor _velocity = Zeros(like.shape, like.device);

    public override IReadOnlyList<(string Name, Tensor Tensor)> State => [("velocity", _velocity)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        gradient.mul_(Number(step.Scale));
        _velocity.mul_(Number(momentum)).add_(gradient, alpha: Number(1 - momentum));
        var ahead = gradient.mul_(Number(1 - momentum)).add_(_velocity, alpha: Number(momentum)); // Nesterov
        var update = Orthogonal(ahead);
        weight.mul_(Number(1 - step.Rate * weightDecay));
        weight.add_(update, alpha: Number(-step.Rate * RootMeanSquare * Math.Sqrt(Math.Max(weight.shape[0], weight.shape[1]))));
    }

    /// <summary>Replaces the singular values of a matrix by values near 1 with the quintic Newton-Schulz iteration.</summary>
    internal static Tensor Orthogonal(Tensor matrix)
    {
        const double A = 3.4445, B = -4.7750, C = 2.0315; // steepest at zero, with singular values in 0.7 .. 1.2
        var isTall = matrix.shape[0] > matrix.shape[1];
        var x = isTall ? matrix.t() : matrix;
        x = x / (x.norm() + Number(1e-7));
        for (var i = 0; i < Iterations; i++)
        {
            var gram = x.mm(x.t());
            var polynomial = (gram * Number(B)).Plus(gram.mm(gram) * Number(C));
            x = (x * Number(A)).Plus(polynomial.mm(x));
        }
        return isTall ? x.t() : x;
    }
}
