using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>
/// A linear layer over a frozen weight in bf16 or fp16: the weight is expanded to fp32 into one buffer per thread, used,
/// and expanded again for the backward pass, so that no fp32 copy of the model ever exists.
/// </summary>
internal sealed class ExpandedLinear : autograd.SingleTensorFunction<ExpandedLinear>
{
    /// <summary>The frozen weight, kept out of the graph: it gets no gradient.</summary>
    private sealed record Frozen(Tensor Weight);

    public override string Name => nameof(ExpandedLinear);

    public static Tensor Apply(Tensor x, Tensor weight, Tensor? bias)
    {
        // Without a gradient to pass on, the node would only cost.
        var y = x.requires_grad && is_grad_enabled() ? apply(x, new Frozen(weight)) : Product(x, weight);
        return bias is null ? y : y + bias;
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.save_data(nameof(Frozen), vars[1]);
        return Product((Tensor)vars[0], ((Frozen)vars[1]).Weight);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var weight = ExpansionBuffer.Expand(((Frozen)ctx.get_data(nameof(Frozen))).Weight);
        return [grad_output.matmul(weight), null!];
    }

    private static Tensor Product(Tensor x, Tensor weight)
    {
        using var expanded = ExpansionBuffer.Expand(weight);
        return nn.functional.linear(x, expanded);
    }
}
