using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// A sparse mixture of experts (Shazeer et al., 2017): each token is processed by the experts with the highest router
/// probability, and their outputs are weighted by these probabilities.
/// </summary>
/// <param name="Router">Computes one logit per expert.</param>
/// <param name="All">The experts.</param>
/// <param name="Chosen">The number of experts per token.</param>
/// <param name="Normalized">Whether the probabilities of the chosen experts are rescaled to sum to 1.</param>
public sealed record Experts(Linear Router, IReadOnlyList<ILayer> All, int Chosen, bool Normalized) : ILayer
{
    /// <summary>A shared expert that processes every token, or null.</summary>
    public ILayer? Shared { get; init; }

    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var flat = x.reshape(-1, x.shape[^1]); // [n, hidden]
        var (weights, experts) = nn.functional
            .softmax(Tensors.As(Router.Forward(flat, pass), ScalarType.Float32), -1).topk(Chosen, -1); // [n, chosen]
        if (Normalized) weights = weights / weights.sum(-1, keepdim: true);
        var mixed = Shared is null ? zeros_like(flat) : Shared.Forward(flat, pass);
        (weights, experts) = (Tensors.As(weights, x.dtype).flatten(), experts.flatten()); // [n · chosen]
        foreach (var e in experts.cpu().data<long>().Distinct().Order()) // a fixed order of summation: deterministic results
        {
            var assignments = (experts == Number(e)).nonzero().squeeze(1); // [m]
            var tokens = assignments.floor_divide(Number(Chosen));
            var share = weights.index_select(0, assignments).unsqueeze(1); // [m, 1]
            mixed = mixed.index_add(0, tokens, All[(int)e].Forward(flat.index_select(0, tokens), pass) * share, Number(1));
        }
        return mixed.view(x.shape);
    }
}

/// <summary>A shared expert with its own gate: <c>sigmoid(gate(x)) · inner(x)</c>.</summary>
public sealed record SharedExpert(Linear Gate, ILayer Inner) : ILayer
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass) => Gate.Forward(x, pass).sigmoid() * Inner.Forward(x, pass);
}
