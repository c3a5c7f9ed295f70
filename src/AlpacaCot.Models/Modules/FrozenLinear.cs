using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Quantization;
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
    public Tensor Biased(Tensor y) => Bias is null ? y : y.Plus(Bias * Number(Scale));
}

/// <summary>
/// A linear layer over a frozen weight, optionally with a low-rank update, as one graph node. The update is accumulated into the
/// base product in place, in both directions. A quantized or narrow weight is expanded to fp32 into one reused buffer per use, so
/// that no fp32 copy of the model ever exists.
/// </summary>
internal sealed class FrozenLinear : autograd.SingleTensorFunction<FrozenLinear>
{
    private sealed record Frozen(IFrozenProducts Products, double Scale, bool Dropped, bool PassesOn);

    public override string Name => nameof(FrozenLinear);

    /// <param name="x"><c>[.., inputs]</c></param>
    /// <param name="products">The products of the frozen weight.</param>
    /// <param name="addition">The trained low-rank update, or null.</param>
    /// <param name="dropped">The input of the update after dropout; null: <paramref name="x"/>.</param>
    /// <param name="fast">The weight, if its fast inference product is used when no backward pass follows; else null.</param>
    public static Tensor Apply(
        Tensor x, IFrozenProducts products, LowRank? addition, Tensor? dropped = null, WeightMatrix? fast = null)
    {
        var learns = is_grad_enabled() && (x.requires_grad || addition is { A.requires_grad: true });
        var frozen = new Frozen(products, addition?.Scale ?? 0, dropped is not null, x.requires_grad);
        if (!learns)
            return Forward(x, addition is null ? null : dropped ?? x, products, addition?.A, addition?.B, frozen.Scale,
                fast).Output;
        if (addition is null) return GraphNode.Of(() => apply(x, frozen));
        return GraphNode.Of(() => dropped is null
            ? apply(x, frozen, addition.A, addition.B)
            : apply(x, frozen, addition.A, addition.B, dropped));
    }

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, frozen) = ((Tensor)vars[0], (Frozen)vars[1]);
        ctx.save_data(nameof(Frozen), frozen);
        if (vars.Length == 2) return Forward(x, null, frozen.Products, null, null, 0, null).Output;
        var (a, b, input) = ((Tensor)vars[2], (Tensor)vars[3], frozen.Dropped ? (Tensor)vars[4] : x);
        var (output, low) = Forward(x, input, frozen.Products, a, b, frozen.Scale, null);
        ctx.save_for_backward([input, a, b, low!]);
        return output;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using var ownedGradient = grad_output;
        var frozen = (Frozen)ctx.get_data(nameof(Frozen));
        var saved = ctx.get_saved_variables();
        var grad = Flat(grad_output); // [n, outputs]
        var toInput = frozen.PassesOn ? frozen.Products.Backward(grad) : null; // [n, inputs]
        if (saved.Count == 0) return GraphNode.Gradients(Shaped(toInput), null);

        var (input, a, b, low) = (Flat(saved[0]), saved[1], saved[2], saved[3]);
        var toLow = grad.mm(b).mul_(Number(frozen.Scale)); // [n, rank]
        var toA = toLow.t().mm(input);
        var toB = grad.t().mm(low).mul_(Number(frozen.Scale));
        return frozen.Dropped
            ? GraphNode.Gradients(Shaped(toInput), null, toA, toB, frozen.PassesOn ? Shaped(toLow.mm(a)) : null)
            : GraphNode.Gradients(Shaped(toInput?.addmm_(toLow, a)), null, toA, toB);

        Tensor? Shaped(Tensor? gradient)
        {
            var shape = grad_output.shape;
            shape[^1] = gradient?.shape[1] ?? 0;
            return gradient?.view(shape);
        }
    }

    private static (Tensor Output, Tensor? Low) Forward(
        Tensor x, Tensor? input, IFrozenProducts products, Tensor? a, Tensor? b, double scale, WeightMatrix? fast)
    {
        using var flat = Flat(x);
        var output = fast is null ? products.Forward(flat) : fast.Product(flat);
        var shape = x.shape;
        shape[^1] = output.shape[1];
        if (a is null || b is null) return (output.view(shape), null);
        using var flatRead = Flat(input!);
        var low = flatRead.mm(a.t()); // [n, rank]
        output.addmm_(low, b.t(), beta: 1, alpha: (float)scale);
        return (output.view(shape), low);
    }

    private static Tensor Flat(Tensor x) => x.reshape(-1, x.shape[^1]);
}
