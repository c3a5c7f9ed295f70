using AlpacaCot.Models.Quantization;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>What an adapter makes of one linear layer.</summary>
public interface ILinearAdapter
{
    /// <summary>The adapted layer's output: <c>[.., inputs] -> [.., outputs]</c>, the bias included.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="x">Its input.</param>
    /// <param name="pass">What the pass is for, among others.</param>
    Tensor Forward(Linear layer, Tensor x, ForwardPass pass);

    /// <summary>The fp32 weight <c>[outputs, inputs]</c> and bias that compute the same without the adapter; the
    /// caller's.</summary>
    /// <exception cref="Text.InputException">There are none.</exception>
    (Tensor Weight, Tensor? Bias) Merged(Linear layer);
}

/// <summary>The full weight that a quantized matrix was made from.</summary>
/// <param name="Read">Reads it again, <c>[outputs, inputs]</c>, in the type it is stored in; in the caller's scope.</param>
/// <param name="Options">How it was quantized.</param>
internal sealed record FullWeight(Func<Tensor> Read, QuantizationOptions Options);

/// <summary>A linear layer <c>y = x Wᵀ + b</c>.</summary>
public sealed class Linear : ILayer
{
    private readonly bool _inputsFirst;

    // inputsFirst: the checkpoint holds the transpose, [inputs, outputs], as GPT-2's does.
    internal Linear(string name, WeightMatrix matrix, Tensor? bias, bool inputsFirst = false) =>
        (Name, Matrix, Bias, this._inputsFirst) = (name, matrix, bias, inputsFirst);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>W in the form it is kept in, plain or quantized.</summary>
    public WeightMatrix Matrix { get; internal set; }

    /// <summary>What a layer that was quantized while loading was made from; null for others.</summary>
    internal FullWeight? Source { get; init; }

    /// <summary>Width of the output.</summary>
    public long Outputs => Matrix.Outputs;

    /// <summary>Width of the input.</summary>
    public long Inputs => Matrix.Inputs;

    /// <summary>Whether W is quantized.</summary>
    public bool IsQuantized => Matrix is not DenseMatrix;

    /// <summary>The form that W is quantized in, as a recipe names it; null where it is not.</summary>
    public string? Quantization => Matrix switch
    {
        FourBitMatrix four => QuantizationOptions.Names[(int)four.Type],
        Int8Matrix => QuantizationOptions.Names[(int)QuantizationType.Int8],
        _ => null,
    };

    /// <summary>The weight, <c>[outputs, inputs]</c>, of a layer that is not quantized.</summary>
    /// <exception cref="InvalidOperationException">It is; <see cref="WeightMatrix.Expand"/> gives its values.</exception>
    public Tensor Weight
    {
        get => Dense.Weight;
        internal set => Matrix = Dense.With(value);
    }

    /// <summary>A weight <c>[outputs, inputs]</c> the way round the checkpoint holds it.</summary>
    internal Tensor AsStored(Tensor weight) => _inputsFirst ? weight.t() : weight;

    /// <summary>The bias, <c>[outputs]</c>, or none.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>The adapter on this layer, or none.</summary>
    public ILinearAdapter? Adapter { get; set; }

    /// <summary><c>[.., inputs] -> [.., outputs]</c></summary>
    public Tensor Forward(Tensor x, ForwardPass pass) => Adapter?.Forward(this, x, pass) ?? Biased(Product(x, pass.Mode));

    /// <summary>The values of the weight in fp32, <c>[outputs, inputs]</c>, however it is kept; a copy, the caller's.</summary>
    public Tensor Values() => Matrix.Expand().detach().contiguous().clone();

    /// <summary><c>x Wᵀ</c>, with a low-rank addition or without, before the bias.</summary>
    internal Tensor Product(Tensor x, PassMode mode, LowRank? addition = null, Tensor? dropped = null)
    {
        if (Matrix is not DenseMatrix { IsTrained: true } trained)
            return FrozenLinear.Apply(x, Matrix, addition, dropped, isFast: mode == PassMode.Generation);
        var y = nn.functional.linear(x, trained.Weight);
        return addition is null ? y
            : y.Plus(nn.functional.linear(nn.functional.linear(dropped ?? x, addition.A), addition.B) * Number(addition.Scale));
    }

    /// <summary>The bias added, where there is one.</summary>
    internal Tensor Biased(Tensor y) => Bias is null ? y : y.Plus(Bias);

    /// <summary>Where the weight stands, the way round the checkpoint holds it.</summary>
    internal ParameterSlot WeightSlot => new(
        () => Matrix is DenseMatrix dense
            ? dense.Stored : throw InputException.Refusing($"{Name} is quantized: codes cannot be trained in " +
            "place. Train it with quantization: none, or put an adapter on it."),
        own =>
        {
            var before = Matrix;
            Matrix = new DenseMatrix(own, _inputsFirst);
            return () => Matrix = before;
        });

    private DenseMatrix Dense => Matrix as DenseMatrix ?? throw new InvalidOperationException($"{Name} is quantized");
}
