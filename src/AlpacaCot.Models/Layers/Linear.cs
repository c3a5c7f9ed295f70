using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Quantization;
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

/// <summary>A linear layer <c>y = x Wᵀ + b</c>.</summary>
public sealed class Linear : ILayer
{
    private readonly bool inputsFirst;

    // inputsFirst: the checkpoint holds the transpose, [inputs, outputs], as GPT-2's does.
    internal Linear(string name, WeightMatrix matrix, Tensor? bias, bool inputsFirst = false) =>
        (Name, Matrix, Bias, this.inputsFirst) = (name, matrix, bias, inputsFirst);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>W in the form it is kept in, plain or quantized.</summary>
    public WeightMatrix Matrix { get; internal set; }

    /// <summary>Width of the output.</summary>
    public long Outputs => Matrix.Outputs;

    /// <summary>Width of the input.</summary>
    public long Inputs => Matrix.Inputs;

    /// <summary>Whether W is quantized.</summary>
    public bool IsQuantized => Matrix is not DenseMatrix;

    /// <summary>The weight, <c>[outputs, inputs]</c>, of a layer that is not quantized.</summary>
    /// <exception cref="InvalidOperationException">It is; <see cref="WeightMatrix.Expand"/> gives its values.</exception>
    public Tensor Weight
    {
        get => Dense.Weight;
        internal set => Matrix = Dense.With(value);
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
            : Matrix is DenseMatrix { IsTrained: true } trained ? nn.functional.linear(x, trained.Weight)
            : FrozenLinear.Apply(x, Matrix, null);
        return Bias is null ? y : y + Bias;
    }

    private DenseMatrix Dense => Matrix as DenseMatrix ?? throw new InvalidOperationException($"{Name} is quantized");
}
