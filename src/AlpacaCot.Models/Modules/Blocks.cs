using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Pre-norm: <c>x + attention(norm(x))</c>, then <c>x + inner(norm(x))</c>, as in GPT-2.</summary>
public sealed record PreNormBlock(ILayer AttentionNorm, SelfAttention Attention, ILayer InnerNorm, ILayer Inner) : IBlock
{
    /// <summary>The factor on each branch before it is added to the residual stream.</summary>
    public double Residual { get; init; } = 1;

    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        x = x.Plus(Scaled(Attention.Forward(AttentionNorm.Forward(x, pass), pass)));
        return x.Plus(Scaled(Inner.Forward(InnerNorm.Forward(x, pass), pass)));
    }

    private Tensor Scaled(Tensor added) => Residual == 1 ? added : added * Number(Residual);
}

/// <summary>
/// <c>x + attention(norm(x)) + inner(norm(x))</c>: both branches have the same input x (Wang and Komatsuzaki, 2021), with one
/// shared norm or two.
/// </summary>
public sealed record ParallelBlock(ILayer AttentionNorm, SelfAttention Attention, ILayer InnerNorm, ILayer Inner) : IBlock
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var normalized = AttentionNorm.Forward(x, pass);
        var attended = Attention.Forward(normalized, pass);
        return x.Plus(attended).Plus(Inner.Forward(InnerNorm == AttentionNorm ? normalized : InnerNorm.Forward(x, pass), pass));
    }
}

/// <summary>
/// Norms before and after each branch, <c>x + after(f(before(x)))</c>. Without the norms before, only the output of each branch
/// is normalized.
/// </summary>
public sealed record SandwichBlock(
    ILayer? BeforeAttention, SelfAttention Attention, ILayer AfterAttention, ILayer? BeforeInner, ILayer Inner, ILayer AfterInner)
    : IBlock
{
    /// <inheritdoc/>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        x = x.Plus(AfterAttention.Forward(Attention.Forward(BeforeAttention?.Forward(x, pass) ?? x, pass), pass));
        return x.Plus(AfterInner.Forward(Inner.Forward(BeforeInner?.Forward(x, pass) ?? x, pass), pass));
    }
}
