using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Quantization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>One of the linear layers that read the same input.</summary>
/// <param name="Products">The products of the frozen weight.</param>
/// <param name="Addition">The trained low-rank update, or null.</param>
/// <param name="Dropped">The input of the update after dropout; null: the layer's input.</param>
/// <param name="Fast">The weight, if its fast inference product is used when no backward pass follows; else null.</param>
internal sealed record FrozenPart(
    IFrozenProducts Products, LowRank? Addition = null, Tensor? Dropped = null, WeightMatrix? Fast = null);

/// <summary>
/// Linear layers over frozen weights that read the same input, each optionally with a low-rank update, as one graph node. The
/// input is converted once for all; the updates, and the gradients of the input, are accumulated in place. A quantized or narrow
/// weight is expanded into one reused buffer for each use, so that no fp32 copy of the model ever exists.
/// </summary>
internal sealed class FrozenLinear : autograd.MultiTensorFunction<FrozenLinear>
{
    private sealed record Layer(IFrozenProducts Products, double? Scale, bool Dropped);

    private sealed record Frozen(Layer[] Layers, bool PassesOn);

    public override string Name => nameof(FrozenLinear);

    /// <summary>The output of one layer.</summary>
    /// <param name="x"><c>[.., inputs]</c></param>
    /// <param name="part">The layer.</param>
    /// <returns><c>[.., outputs]</c></returns>
    public static Tensor Apply(Tensor x, FrozenPart part) => Apply(x, [part])[0];

    /// <summary>The outputs of several layers.</summary>
    /// <param name="x"><c>[.., inputs]</c></param>
    /// <param name="parts">The layers.</param>
    /// <returns><c>[.., outputs]</c> of each layer.</returns>
    public static IReadOnlyList<Tensor> Apply(Tensor x, IReadOnlyList<FrozenPart> parts)
    {
        if (!is_grad_enabled() || !(x.requires_grad || parts.Any(p => p.Addition is { A.requires_grad: true })))
        {
            var input = new ProductInput(Flat(x));
            return [.. parts.Select(part => Forward(x, input, part).Output)];
        }
        var layers = parts.Select(p => new Layer(p.Products, p.Addition?.Scale, p.Dropped is not null)).ToArray();
        List<object> variables = [x, new Frozen(layers, x.requires_grad)];
        foreach (var part in parts)
        {
            if (part.Addition is not { } addition) continue;
            variables.AddRange([addition.A, addition.B]);
            if (part.Dropped is not null) variables.Add(part.Dropped);
        }
        return GraphNode.All(() => apply([.. variables]));
    }

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        using var scope = NewDisposeScope();
        var (x, frozen) = ((Tensor)vars[0], (Frozen)vars[1]);
        ctx.save_data(nameof(Frozen), frozen);
        ctx.set_materialize_grads(false);
        var input = new ProductInput(Flat(x));
        var (outputs, saved, at) = (new List<Tensor>(), new List<Tensor> { x }, 2);
        foreach (var layer in frozen.Layers)
        {
            var part = new FrozenPart(layer.Products);
            if (layer.Scale is { } scale)
            {
                part = part with { Addition = new LowRank((Tensor)vars[at], (Tensor)vars[at + 1], scale) };
                if (layer.Dropped) part = part with { Dropped = (Tensor)vars[at + 2] };
                at += layer.Dropped ? 3 : 2;
            }
            var (output, low) = Forward(x, input, part);
            outputs.Add(output.MoveToOuterDisposeScope());
            if (part.Addition is not { } addition) continue;
            saved.AddRange([addition.A, addition.B, low!.MoveToOuterDisposeScope()]);
            if (part.Dropped is not null) saved.Add(part.Dropped);
        }
        // Only an update that reads the layers' own input needs it again.
        if (frozen.Layers.All(l => l.Scale is null || l.Dropped)) saved[0] = saved[^1];
        if (saved.Count > 1) ctx.save_for_backward(saved);
        return outputs;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        using var scope = NewDisposeScope();
        var frozen = (Frozen)ctx.get_data(nameof(Frozen));
        var saved = ctx.get_saved_variables();
        Tensor? toInput = null; // [n, inputs]
        var (gradients, at) = (new List<Tensor?>(), 1);
        long[] shape = [];
        for (var i = 0; i < frozen.Layers.Length; i++)
        {
            var (products, scale, dropped) = frozen.Layers[i];
            var first = at;
            if (scale is not null) at += dropped ? 4 : 3;
            if (grad_outputs[i] is not { IsInvalid: false } given)
            {
                if (scale is not null) gradients.AddRange(new Tensor?[dropped ? 3 : 2]);
                continue;
            }
            using var owned = given;
            shape = given.shape;
            var grad = Flat(given); // [n, outputs]
            if (scale is not { } s)
            {
                if (frozen.PassesOn) toInput = products.Backward(grad, null, toInput);
                continue;
            }
            var (a, b, low) = (saved[first], saved[first + 1], saved[first + 2]);
            var toLow = LowRankKernel.Dots(grad, b.t(), s); // [n, rank]
            if (frozen.PassesOn) toInput = products.Backward(grad, dropped ? null : new LowRankTerm(toLow, a), toInput);
            gradients.Add(LowRankKernel.Gather(toLow, Flat(dropped ? saved[first + 3] : saved[0])));
            gradients.Add(LowRankKernel.Gather(low, grad).t());
            if (dropped) gradients.Add(frozen.PassesOn ? Shaped(toLow.mm(a)) : null);
        }
        return GraphNode.Gradients([toInput is null ? null : Shaped(toInput), null, .. gradients]);

        Tensor Shaped(Tensor gradient)
        {
            long[] whole = [.. shape[..^1], gradient.shape[1]];
            return gradient.view(whole);
        }
    }

    // Low: x Aᵀ with the factor, [n, rank].
    private static (Tensor Output, Tensor? Low) Forward(Tensor x, ProductInput input, FrozenPart part)
    {
        if (part.Addition is not { } addition) return (Shaped(Product(null)), null);
        var low = LowRankKernel.Dots(part.Dropped is null ? input.Values : Flat(part.Dropped), addition.A, addition.Scale);
        return (Shaped(Product(new LowRankTerm(low, addition.B.t().contiguous()))), low);

        Tensor Shaped(Tensor y) => y.view([.. x.shape[..^1], y.shape[1]]);

        Tensor Product(LowRankTerm? term) => part.Fast?.Product(input.Values).With(term) ?? part.Products.Forward(input, term);
    }

    private static Tensor Flat(Tensor x) => x.reshape(-1, x.shape[^1]);
}
