using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Gradient checkpointing of a block: it keeps only its input for the backward pass and is recomputed there (Chen et al., 2016:
/// training deep nets with sublinear memory cost). Dropout uses the same random numbers both times.
/// </summary>
internal sealed class Recomputation : autograd.SingleTensorFunction<Recomputation>
{
    private sealed record Work(IBlock Block, ForwardPass Pass);

    public override string Name => nameof(Recomputation);

    /// <param name="block">The block.</param>
    /// <param name="x"><c>[b, s, hidden]</c></param>
    /// <param name="pass">The state shared by the blocks.</param>
    public static Tensor Apply(IBlock block, Tensor x, ForwardPass pass)
    {
        if (!is_grad_enabled()) return block.Forward(x, pass);
        // The embedding output may need no gradient although parameters of the first block do.
        if (!x.requires_grad) x = x.detach().requires_grad_();
        return GraphNode.Of(() => apply(x, new Work(block, pass)));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, work) = ((Tensor)vars[0], (Work)vars[1]);
        ctx.save_for_backward([x, RandomState.Of(x.device)]);
        ctx.save_data(nameof(Work), work);
        return work.Pass.Scoped(() => work.Block.Forward(x.detach(), work.Pass));
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var work = (Work)ctx.get_data(nameof(Work));
        var saved = ctx.get_saved_variables();
        var x = saved[0].detach().requires_grad_();
        using (enable_grad())
        {
            RandomState.Set(x.device, saved[1]);
            Tensor y;
            // keeps what the graph needs
            using (NewDisposeScope()) y = work.Block.Forward(x, work.Pass).MoveToOuterDisposeScope();
            y.backward([grad_output]);
        }
        return GraphNode.Gradients(x.grad, null);
    }
}
