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
    public required Func<ModelInput, ForwardPass, Tensor> EmbedWith { get; init; }

    /// <inheritdoc/>
    public override required IReadOnlyList<IBlock> Blocks { get; init; }

    /// <inheritdoc/>
    public override required ILayer Norm { get; init; }

    /// <summary>The head.</summary>
    public required Linear Output { get; init; }

    /// <summary>What is done to the logits, such as bounding them; it must not return a view.</summary>
    public Func<Tensor, Tensor>? Finish { get; init; }

    public override Linear Head => Output;

    /// <summary>Whether no token looks at later ones.</summary>
    public bool IsOneWay { get; init; } = true;

    public override bool IsCausal => IsOneWay;

    protected override Tensor Embed(ModelInput input, ForwardPass pass) => EmbedWith(input, pass);

    public override Tensor Project(Tensor hidden, PassMode mode = PassMode.Evaluation)
    {
        var logits = base.Project(hidden, mode);
        return Finish is null ? logits : Finish(logits);
    }
}
