using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>The feed-forward of the Transformer (Vaswani et al., 2017): up, activation, down.</summary>
public sealed record FeedForward(Linear Up, Func<Tensor, Tensor> Activation, Linear Down) : ILayer
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass) => Down.Forward(Activation(Up.Forward(x, pass)), pass);
}

/// <summary>A gated feed-forward (Shazeer, 2020): <c>down(unit(gate(x), up(x)))</c>.</summary>
public sealed record GatedFeedForward(Linear Gate, Linear Up, Func<Tensor, Tensor, Tensor> Unit, Linear Down) : ILayer
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var both = Linear.Together([Gate, Up], x, pass);
        return Down.Forward(Unit(both[0], both[1]), pass);
    }
}

/// <summary>A gated feed-forward whose gate and up projections are fused in one matrix, the gate first.</summary>
public sealed record FusedGatedFeedForward(Linear GateUp, Func<Tensor, Tensor, Tensor> Unit, Linear Down) : ILayer
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var both = GateUp.Forward(x, pass); // [b, s, 2 · inner]
        var inner = both.shape[^1] / 2;
        return Down.Forward(Unit(both.narrow(-1, 0, inner), both.narrow(-1, inner, inner)), pass);
    }
}
