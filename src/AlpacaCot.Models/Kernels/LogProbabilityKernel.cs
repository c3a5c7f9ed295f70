using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

// replaced by the compute seam
/// <summary>
/// Log-probabilities of given tokens. While gradients are recorded, the gradient is written over the logits in the forward pass,
/// as <see cref="CrossEntropyKernel"/> does.
/// </summary>
internal sealed unsafe class LogProbabilityKernel : autograd.SingleTensorFunction<LogProbabilityKernel>
{
    private sealed record Saved(Tensor Logits);

    public override string Name => nameof(LogProbabilityKernel);

    /// <summary><c>log softmax(logits)[target]</c> of each row, <c>[n]</c> float64.</summary>
    /// <param name="logits"><c>[n, vocabulary]</c>; owned by the call, their content is lost.</param>
    /// <param name="targets"><c>[n]</c>, int64.</param>
    public static Tensor Apply(Tensor logits, Tensor targets) =>
        is_grad_enabled() && logits.requires_grad
            ? GraphNode.Of(() => apply(logits, targets)) : Compute(logits, targets, overwrite: false);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var logits = (Tensor)vars[0];
        ctx.save_data(nameof(Saved), new Saved(logits.alias().DetachFromDisposeScope()));
        return Compute(logits, (Tensor)vars[1], overwrite: true);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var given = grad_output;
        var gradient = ((Saved)ctx.get_data(nameof(Saved))).Logits; // of the negated result
        var factors = given.neg().to(ScalarType.Float32);
        if (!factors.eq(Number(1)).all().item<bool>()) gradient.mul_(factors.unsqueeze(1));
        return GraphNode.Gradients(gradient, null);
    }

    private static Tensor Compute(Tensor logits, Tensor targets, bool overwrite)
    {
        var (rows, width) = (logits.shape[0], logits.shape[1]);
        var results = new double[rows];
        var values = TensorMemory.Floats(logits);
        var wanted = TensorMemory.Longs(targets);
        Rows.Split(rows, width * 4, (first, end) =>
        {
            for (var row = first; row < end; row++)
                results[row] = -CrossEntropyKernel.Row(values + row * width, width, wanted[row], overwrite);
        });
        return tensor(results);
    }
}
