using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>An adapter on a linear layer.</summary>
public interface ILinearAdapter
{
    /// <summary>The adapted layer's output: <c>[.., inputs] -> [.., outputs]</c>, the bias included.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="x">The input, <c>[.., inputs]</c>.</param>
    /// <param name="pass">The state of the forward pass.</param>
    Tensor Forward(Linear layer, Tensor x, ForwardPass pass);

    /// <summary>
    /// The fp32 weight <c>[outputs, inputs]</c> and bias that are equivalent to the adapted layer; owned by the caller.
    /// </summary>
    /// <exception cref="Text.InputException">The adapter cannot be expressed as weight and bias.</exception>
    (Tensor Weight, Tensor? Bias) Merged(Linear layer);
}

/// <summary>The source of the full weight that a quantized matrix was computed from.</summary>
/// <param name="Read">Reads the weight, <c>[outputs, inputs]</c>, in its stored type, into the caller's dispose scope.</param>
/// <param name="Options">The options of the quantization.</param>
internal sealed record FullWeight(Func<Tensor> Read, QuantizationOptions Options);

/// <summary>A linear layer <c>y = x Wᵀ + b</c>.</summary>
public sealed class Linear : ILayer
{
    private readonly bool _inputsFirst;
    private WeightMatrix _matrix;
    private IFrozenProducts _products;
    private Arithmetic _arithmetic;

    // inputsFirst: the checkpoint stores the transpose, [inputs, outputs], as for GPT-2.
    internal Linear(string name, WeightMatrix matrix, Tensor? bias, bool inputsFirst = false) =>
        (Name, _matrix, _products, Bias, this._inputsFirst) = (name, matrix, new ExpandedProducts(matrix), bias, inputsFirst);

    /// <summary>The checkpoint name, without <c>.weight</c>.</summary>
    public string Name { get; }

    /// <summary>W as stored in memory, plain or quantized.</summary>
    public WeightMatrix Matrix
    {
        get => _matrix;
        internal set
        {
            _products.Dispose();
            (_matrix, _products) = (value, FrozenProducts.Of(value, _arithmetic, IsHead));
        }
    }

    /// <summary>Whether pages of a mapped file leave memory after each product in training and evaluation.</summary>
    internal bool Streams { get; set; }

    /// <summary>Whether this is the model's head.</summary>
    internal bool IsHead { get; set; }

    /// <summary>The arithmetic of products with W in training and evaluation, if W is frozen.</summary>
    public Arithmetic Arithmetic
    {
        get => _arithmetic;
        internal set
        {
            _arithmetic = value;
            Matrix = _matrix;
        }
    }

    /// <summary>The full weight of a layer that was quantized while loading; null for other layers.</summary>
    internal FullWeight? Source { get; init; }

    /// <summary>Width of the output.</summary>
    public long Outputs => Matrix.Outputs;

    /// <summary>Width of the input.</summary>
    public long Inputs => Matrix.Inputs;

    /// <summary>Whether W is quantized.</summary>
    public bool IsQuantized => Matrix is not DenseMatrix;

    /// <summary>The quantization type of W as named in recipes; null if W is not quantized.</summary>
    public string? Quantization => Matrix switch
    {
        FourBitMatrix four => QuantizationOptions.Names[(int)four.Type],
        Int8Matrix => QuantizationOptions.Names[(int)QuantizationType.Int8],
        _ => null,
    };

    /// <summary>The weight, <c>[outputs, inputs]</c>, of an unquantized layer.</summary>
    /// <exception cref="InvalidOperationException">
    /// The layer is quantized; use <see cref="WeightMatrix.Expand"/> for its values.
    /// </exception>
    public Tensor Weight
    {
        get => Dense.Weight;
        internal set => Matrix = Dense.With(value);
    }

    /// <summary>Converts a weight <c>[outputs, inputs]</c> to the checkpoint's orientation.</summary>
    internal Tensor AsStored(Tensor weight) => _inputsFirst ? weight.t() : weight;

    /// <summary>The bias, <c>[outputs]</c>, or null.</summary>
    public Tensor? Bias { get; internal set; }

    /// <summary>The adapter on this layer, or null.</summary>
    public ILinearAdapter? Adapter { get; set; }

    /// <summary>Computes the output, adapter included: <c>[.., inputs] -> [.., outputs]</c>.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass) => Adapter switch
    {
        null => Biased(Product(x, pass.Mode)),
        // Only the plain low-rank update has products of its own for other types than fp32, in which adapters are stored.
        LowRankLinear => Adapter.Forward(this, x, pass),
        _ => Tensors.As(Adapter.Forward(this, Tensors.As(x, ScalarType.Float32), pass), x.dtype),
    };

    /// <summary>A dequantized fp32 copy of the weight, <c>[outputs, inputs]</c>, owned by the caller.</summary>
    public Tensor Values() => Matrix.Expand().detach().contiguous().clone();

    /// <summary>Computes <c>x Wᵀ</c>, optionally with a low-rank update, without the bias.</summary>
    internal Tensor Product(Tensor x, PassMode mode, LowRank? addition = null, Tensor? dropped = null)
    {
        if (Matrix is not DenseMatrix { IsTrained: true } trained)
            return FrozenLinear.Apply(x, Part(x, mode, addition, dropped));
        var y = nn.functional.linear(x, Tensors.As(trained.Weight, x.dtype));
        if (addition is null) return y;
        var input = Tensors.As(dropped ?? x, ScalarType.Float32);
        return Tensors.As(Tensors.As(y, ScalarType.Float32)
            .Plus(nn.functional.linear(nn.functional.linear(input, addition.A), addition.B) * Number(addition.Scale)), x.dtype);
    }

    /// <summary>
    /// Computes the outputs of layers that read the same input. Frozen layers with no adapter, or with a plain low-rank one,
    /// share the work on the input.
    /// </summary>
    /// <param name="layers">The layers.</param>
    /// <param name="x">Their input, <c>[.., inputs]</c>.</param>
    /// <param name="pass">The state of the forward pass.</param>
    internal static IReadOnlyList<Tensor> Together(IReadOnlyList<Linear> layers, Tensor x, ForwardPass pass)
    {
        if (layers.Any(l => l.Matrix is DenseMatrix { IsTrained: true } || l.Adapter is not (null or LowRankLinear)))
            return [.. layers.Select(l => l.Forward(x, pass))];
        var outputs = FrozenLinear.Apply(x, [.. layers.Select(l =>
            l.Adapter is LowRankLinear { Addition: var addition } adapter
                ? l.Part(x, pass.Mode, addition, adapter.Dropped(x, pass)) : l.Part(x, pass.Mode, null, null))]);
        return [.. layers.Zip(outputs, (l, y) => l.Biased((l.Adapter as LowRankLinear)?.Addition.Biased(y) ?? y))];
    }

    private FrozenPart Part(Tensor x, PassMode mode, LowRank? addition, Tensor? dropped)
    {
        if (x.dtype != ScalarType.Float32) return new(new NarrowProducts(Matrix, x.dtype), addition, dropped);
        return new(Streams ? new StreamedProducts(_products, Matrix) : _products, addition, dropped,
            mode == PassMode.Generation ? Matrix : null);
    }

    /// <summary>Adds the bias, if there is one.</summary>
    internal Tensor Biased(Tensor y) => Bias is null ? y : y.Plus(Tensors.As(Bias, y.dtype));

    /// <summary>A replaceable slot for the weight, in the checkpoint's orientation.</summary>
    internal ParameterSlot WeightSlot => new(
        () => Matrix is DenseMatrix dense
            ? dense.Stored : throw InputException.Refusing($"{Name} is quantized, and quantized codes cannot be " +
            "trained. Set quantization: none, or use an adapter for this layer."),
        replacement =>
        {
            var before = Matrix;
            Matrix = new DenseMatrix(replacement, _inputsFirst);
            return () => Matrix = before;
        });

    /// <summary>Frees the matrix and what its products keep.</summary>
    internal void Dispose()
    {
        _products.Dispose();
        Matrix.Dispose();
    }

    private DenseMatrix Dense => Matrix as DenseMatrix ?? throw new InvalidOperationException($"{Name} is quantized");
}
