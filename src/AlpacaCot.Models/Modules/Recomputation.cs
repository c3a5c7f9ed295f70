using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// A block that keeps only its input between the forward and the backward pass, and is computed again for the latter (Chen et
/// al., 2016: training deep nets with sublinear memory cost). Dropout draws the same numbers both times.
/// </summary>
internal sealed class Recomputation : autograd.SingleTensorFunction<Recomputation>
{
    private sealed record Work(IBlock Block, ForwardPass Pass);

    public override string Name => nameof(Recomputation);

    /// <param name="block">The block.</param>
    /// <param name="x"><c>[b, s, hidden]</c></param>
    /// <param name="pass">What the blocks share.</param>
    public static Tensor Apply(IBlock block, Tensor x, ForwardPass pass)
    {
        if (!is_grad_enabled()) return block.Forward(x, pass);
        // The embedding does not learn, but what the first block trains does.
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
        using var given = grad_output;
        var work = (Work)ctx.get_data(nameof(Work));
        var saved = ctx.get_saved_variables();
        var x = saved[0].detach().requires_grad_();
        using (enable_grad())
        {
            RandomState.Set(x.device, saved[1]);
            work.Block.Forward(x, work.Pass).backward([grad_output]);
        }
        return GraphNode.Gradients(x.grad, null);
    }
}
