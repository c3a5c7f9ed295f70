using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Families;

/// <summary>
/// The common structure of decoder-only transformers (Radford et al., 2019): embedding, blocks, norm, head. Each family supplies
/// its blocks.
/// </summary>
internal sealed class Decoder(ModelBuilder builder, ModelShape shape) : CausalModel(builder, shape)
{
    /// <summary>Embeds token ids: <c>[b, s] -> [b, s, hidden]</c>.</summary>
    public required Func<ModelInput, ForwardPass, Tensor> EmbedWith { get; init; }

    /// <inheritdoc/>
    public override required IReadOnlyList<IBlock> Blocks { get; init; }

    /// <inheritdoc/>
    public override required ILayer Norm { get; init; }

    /// <summary>The output head, returned by <see cref="Head"/>.</summary>
    public required Linear Output { get; init; }

    /// <summary>A function applied to the logits, such as a soft cap; it must not return a view.</summary>
    public Func<Tensor, Tensor>? Finish { get; init; }

    public override Linear Head => Output;

    /// <summary>Whether attention is causal; see <see cref="IsCausal"/>.</summary>
    public bool IsOneWay { get; init; } = true;

    public override bool IsCausal => IsOneWay;

    protected override Tensor Embed(ModelInput input, ForwardPass pass) => EmbedWith(input, pass);

    public override Tensor Project(Tensor hidden, PassMode mode = PassMode.Evaluation)
    {
        var logits = base.Project(hidden, mode);
        return Finish is null ? logits : Finish(logits);
    }
}
