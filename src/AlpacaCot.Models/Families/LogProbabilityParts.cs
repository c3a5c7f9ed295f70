using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Log-probabilities under a frozen head, in parts whose logits are freed one after the other, so that their memory does not grow
/// with the batch. The gradient of a row's log-probability with respect to its hidden state is computed with it, because it is
/// the same up to the factor that the backward pass brings: no part is computed twice.
/// </summary>
internal sealed class LogProbabilityParts : autograd.SingleTensorFunction<LogProbabilityParts>
{
    private sealed record Work(CausalModel Model, Tensor Targets, PassMode Mode, long Rows);

    public override string Name => nameof(LogProbabilityParts);

    /// <param name="model">The model, whose head is not trained where gradients are recorded.</param>
    /// <param name="hidden">The hidden states, <c>[n, hidden]</c>.</param>
    /// <param name="targets"><c>[n]</c>, int64.</param>
    /// <param name="mode">The purpose of the pass.</param>
    /// <param name="rows">The rows of a part.</param>
    /// <returns><c>[n]</c>, fp64.</returns>
    public static Tensor Of(CausalModel model, Tensor hidden, Tensor targets, PassMode mode, long rows)
    {
        var work = new Work(model, targets, mode, rows);
        return is_grad_enabled() && hidden.requires_grad ? GraphNode.Of(() => apply(hidden, work)) : Forward(hidden, work, null);
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (hidden, work) = ((Tensor)vars[0], (Work)vars[1]);
        var gradients = empty_like(hidden);
        var result = Forward(hidden, work, gradients);
        ctx.save_for_backward([gradients]);
        return result;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var owned = grad_output;
        var gradients = ctx.get_saved_variables()[0];
        return GraphNode.Gradients(gradients.mul(grad_output.to(gradients.dtype).unsqueeze(1)), null);
    }

    private static Tensor Forward(Tensor hidden, Work work, Tensor? gradients)
    {
        using var scope = NewDisposeScope();
        var count = hidden.shape[0];
        var result = Tensors.Empty([count], ScalarType.Float64, hidden.device);
        for (long first = 0; first < count; first += work.Rows)
        {
            using var part = NewDisposeScope();
            var rows = Math.Min(work.Rows, count - first);
            var input = hidden.narrow(0, first, rows).detach();
            using var recorded = gradients is null ? no_grad() : enable_grad();
            if (gradients is not null) input = input.requires_grad_();
            var values = work.Model.LogProbabilitiesAtOnce(input, work.Targets.narrow(0, first, rows), work.Mode);
            if (gradients is not null) values.sum().backward();
            using var quiet = no_grad();
            result.narrow(0, first, rows).copy_(values.detach());
            gradients?.narrow(0, first, rows).copy_(input.grad!);
        }
        return result.MoveToOuterDisposeScope();
    }
}
