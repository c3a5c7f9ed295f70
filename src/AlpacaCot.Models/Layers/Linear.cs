using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>What an adapter adds to one linear layer.</summary>
public interface ILinearAdapter
{
    /// <summary>The layer's output with the adapter's part.</summary>
    /// <param name="input"><c>[.., inputs]</c></param>
    /// <param name="output">The base layer's output, <c>[.., outputs]</c>.</param>
    Tensor Apply(Tensor input, Tensor output);
}

/// <summary>
/// A linear layer <c>y = x Wᵀ + b</c>. A weight stored in a narrow type is expanded to fp32 for each use: narrow arithmetic
/// is several times slower on most CPUs.
/// </summary>
public sealed class Linear
{
    internal Linear(string name, Tensor weight, Tensor? bias) => (Name, Weight, Bias) = (name, weight, bias);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>The weight, <c>[outputs, inputs]</c>.</summary>
    public Tensor Weight { get; internal set; }

    /// <summary>The bias, <c>[outputs]</c>, or none.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>The adapter on this layer, or none.</summary>
    public ILinearAdapter? Adapter { get; set; }

    /// <summary><c>[.., inputs] -> [.., outputs]</c></summary>
    public Tensor Forward(Tensor x)
    {
        var y = Weight.dtype == x.dtype ? nn.functional.linear(x, Weight, Bias) : ExpandedLinear.Apply(x, Weight, Bias);
        return Adapter is null ? y : Adapter.Apply(x, y);
    }
}
