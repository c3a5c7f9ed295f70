using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// The frame that decoder-only transformers have in common (Radford et al., 2019): an embedding, a stack of blocks, a norm, a
/// head. What a family's blocks do is the family's own.
/// </summary>
internal sealed class Decoder(ModelBuilder builder, ModelShape shape) : CausalModel(builder, shape)
{
    /// <summary>From token ids to hidden states, <c>[b, s] -> [b, s, hidden]</c>.</summary>
    public required Func<ModelInput, Tensor> Embed { get; init; }

    /// <summary>The blocks.</summary>
    public required IReadOnlyList<IBlock> Blocks { get; init; }

    /// <summary>The norm before the head.</summary>
    public required ILayer Norm { get; init; }

    /// <summary>The head.</summary>
    public required Linear Output { get; init; }

    /// <summary>What is done to the logits, such as bounding them; it must not return a view.</summary>
    public Func<Tensor, Tensor>? Finish { get; init; }

    public override Linear Head => Output;

    protected override Tensor Run(ModelInput input)
    {
        using var scope = NewDisposeScope();
        var pass = input.Pass(scope);
        var x = Embed(input); // [b, s, hidden]
        foreach (var block in Blocks)
            x = pass.Scoped(() => Recomputes ? Recomputation.Apply(block, x, pass) : block.Forward(x, pass));
        input.Ragged?.Advance();
        if (is_grad_enabled()) scope.MoveToOuter(pass.Tables); // the backward pass reads them
        return Norm.Forward(x).MoveToOuterDisposeScope();
    }

    public override Tensor Project(Tensor hidden) => Finish is null ? Head.Forward(hidden) : Finish(Head.Forward(hidden));
}
