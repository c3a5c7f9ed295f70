using AlpacaCot.Models.Kernels;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>What an adapter makes of one linear layer.</summary>
public interface ILinearAdapter
{
    /// <summary>The adapted layer's output: <c>[.., inputs] -> [.., outputs]</c>, before the bias.</summary>
    Tensor Forward(Linear layer, Tensor x);

    /// <summary>The fp32 weight <c>[outputs, inputs]</c> that computes the same without the adapter; the caller's.</summary>
    Tensor Merged(Linear layer);
}

/// <summary>
/// A linear layer <c>y = x Wᵀ + b</c>. A weight stored in a narrow type is expanded to fp32 for each use: narrow arithmetic
/// is several times slower on most CPUs.
/// </summary>
public sealed class Linear : ILayer
{
    private readonly bool inputsFirst;
    private Tensor stored;

    // inputsFirst: the checkpoint holds the transpose, [inputs, outputs], as GPT-2's does.
    internal Linear(string name, Tensor weight, Tensor? bias, bool inputsFirst = false) =>
        (Name, stored, Bias, this.inputsFirst) = (name, weight, bias, inputsFirst);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The weight, <c>[outputs, inputs]</c>.</summary>
    public Tensor Weight
    {
        get => inputsFirst ? stored.t() : stored;
        internal set => stored = inputsFirst ? value.t() : value;
    }

    /// <summary>A weight <c>[outputs, inputs]</c> the way round the checkpoint holds it.</summary>
    internal Tensor AsStored(Tensor weight) => inputsFirst ? weight.t() : weight;

    /// <summary>The bias, <c>[outputs]</c>, or none.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>The adapter on this layer, or none.</summary>
    public ILinearAdapter? Adapter { get; set; }

    /// <summary><c>[.., inputs] -> [.., outputs]</c></summary>
    public Tensor Forward(Tensor x)
    {
        var y = Adapter is not null ? Adapter.Forward(this, x)
            : stored.requires_grad ? nn.functional.linear(x, Weight)
            : FrozenLinear.Apply(x, Weight, null);
        return Bias is null ? y : y + Bias;
    }
}
