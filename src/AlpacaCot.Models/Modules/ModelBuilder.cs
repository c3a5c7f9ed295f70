using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Creates the layers of a model from a weight source and registers them by checkpoint name, for adapters, full training and
/// saving.
/// </summary>
/// <param name="weights">The source of the weights.</param>
/// <param name="storage">The storage type of plain matrices; null: as stored.</param>
/// <param name="quantization">The quantization of linear layers; null: as stored, plain or quantized.</param>
/// <param name="compute">
/// The device and numeric type of the computation; null: fp32 on the CPU. Weights are read on the CPU and moved one by one.
/// </param>
public sealed class ModelBuilder(
    IWeightSource weights, ScalarType? storage = null, QuantizationOptions? quantization = null, Compute? compute = null)
{
    /// <summary>The device and numeric type of the computation.</summary>
    public Compute Compute { get; } = compute ?? Compute.Cpu;

    /// <summary>Every unquantized weight by its checkpoint name.</summary>
    public Dictionary<string, Tensor> Parameters { get; } = [];

    /// <summary>Every linear layer by its checkpoint name, without <c>.weight</c>.</summary>
    public Dictionary<string, Linear> Linears { get; } = [];

    /// <summary>Every embedding table by its checkpoint name, without <c>.weight</c>.</summary>
    public Dictionary<string, Embedding> Embeddings { get; } = [];

    /// <summary>Replaceable slots of the weights by name; a tied head has its own slot.</summary>
    public Dictionary<string, ParameterSlot> Slots { get; } = [];

    /// <summary>Whether the head is the embedding; set when the head is created.</summary>
    internal HeadTie Tie { get; private set; } = new(false, false);

    /// <summary>The stored names of all weights that the model uses.</summary>
    internal HashSet<string> Used { get; } = [];

    /// <summary>The source of the weights.</summary>
    internal IWeightSource Source => weights;

    /// <summary>Further resources of the layers, disposed with the model.</summary>
    public List<IDisposable> Tables { get; } = [];

    /// <summary>Whether the source contains this weight.</summary>
    public bool Contains(string name) => weights.Contains(name);

    /// <summary>Creates a linear layer <c>y = x Wᵀ + b</c> with weight <c>[outputs, inputs]</c>.</summary>
    public Linear Linear(string name, long inputs, long outputs, bool bias = false) =>
        Layer(name, Matrix(name, inputs, outputs, inputsFirst: false, quantization),
            bias ? Vector(name + ".bias", outputs) : null);

    /// <summary>Creates a linear layer with bias whose weight is stored as <c>[inputs, outputs]</c>.</summary>
    public Linear InputsFirst(string name, long inputs, long outputs) =>
        Layer(name, Matrix(name, inputs, outputs, inputsFirst: true, quantization), Vector(name + ".bias", outputs),
            inputsFirst: true);

    /// <summary>Creates an embedding table <c>[tokens, width]</c>.</summary>
    public Embedding Embedding(string name, long tokens, long width)
    {
        var layer = new Embedding(name, Parameter(name + ".weight", tokens, width));
        Embeddings.Add(name, layer);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight, replacement => layer.Weight = replacement);
        return layer;
    }

    /// <summary>
    /// Creates the output head, with its own weight or the embedding's if tied (<see cref="HeadTie"/>). It is never quantized
    /// while loading.
    /// </summary>
    public Linear Head(string name, Embedding embedding, long inputs, long outputs, bool tied, bool bias = false)
    {
        Tie = HeadTie.Of(name + ".weight", embedding.Name + ".weight", tied, weights);
        if (Tie.IsTied) Stored(name + ".weight"); // an equal copy in the file is used as the embedding
        return Layer(name,
            Tie.IsTied ? (new DenseMatrix(embedding.Weight), null) : Matrix(name, inputs, outputs, inputsFirst: false, null),
            bias ? Vector(name + ".bias", outputs) : null);
    }

    /// <summary>Creates an RMS norm over the last dimension; <paramref name="offset"/> is added to the stored weight.</summary>
    public RmsNorm RmsNorm(string name, long width, double epsilon, double offset = 0)
    {
        var layer = new RmsNorm(Vector(name + ".weight", width), epsilon, offset);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight, replacement => layer.Weight = replacement);
        return layer;
    }

    /// <summary>Creates a layer norm over the last dimension.</summary>
    public LayerNorm LayerNorm(string name, long width, double epsilon, bool bias = true)
    {
        var layer = new LayerNorm(width, Vector(name + ".weight", width), bias ? Vector(name + ".bias", width) : null, epsilon);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight!, replacement => layer.Weight = replacement);
        if (bias) Slots[name + ".bias"] = ParameterSlot.Of(() => layer.Bias!, replacement => layer.Bias = replacement);
        return layer;
    }

    /// <summary>Creates rotary positions for heads of width <paramref name="headDimension"/>.</summary>
    public Rope Rope(RopeSettings settings, int headDimension, bool interleaved = false)
    {
        var dimension = (int)(headDimension * settings.Share);
        var rope = new Rope(dimension, settings.Theta, settings.Scaling)
        {
            Interleaved = interleaved, Device = Compute.Device,
        };
        Tables.Add(rope);
        return rope;
    }

    /// <summary>Reads and registers a weight, in its stored type or in the storage type if one is set.</summary>
    public Tensor Parameter(string name, params ReadOnlySpan<long> shape) =>
        Keep(name, weights.Read(Stored(name), shape), storage);

    /// <summary>
    /// Reads and registers a one-dimensional weight, always in fp32: it is small and used where precision matters.
    /// </summary>
    public Tensor Vector(string name, long width) => Keep(name, weights.Read(Stored(name), [width]), ScalarType.Float32);

    private Linear Layer(string name, (WeightMatrix Matrix, FullWeight? Source) matrix, Tensor? bias, bool inputsFirst = false)
    {
        var layer = new Linear(name, matrix.Matrix, bias, inputsFirst) { Source = matrix.Source };
        Linears.Add(name, layer);
        Slots[name + ".weight"] = layer.WeightSlot;
        if (bias is not null)
            Slots[name + ".bias"] = ParameterSlot.Of(() => layer.Bias!, replacement => layer.Bias = replacement);
        return layer;
    }

    private (WeightMatrix Matrix, FullWeight? Source) Matrix(
        string name, long inputs, long outputs, bool inputsFirst, QuantizationOptions? quantization)
    {
        var weight = name + ".weight";
        if (weights.ReadQuantized(Stored(weight), outputs, inputs) is { } stored)
            return (stored.MoveTo(Compute.Device), null);
        long[] shape = inputsFirst ? [inputs, outputs] : [outputs, inputs];
        if (quantization is null || !quantization.Covers(name))
        {
            var plain = new DenseMatrix(Parameter(weight, shape), inputsFirst);
            plain.DropPages(); // the check of the values read them; the products may use another form
            return (plain, null);
        }
        var source = new FullWeight(() => weights.Read(Stored(weight), shape) is var full && inputsFirst ? full.t() : full,
            quantization);
        using var scope = NewDisposeScope(); // at most one full matrix exists at a time
        return (quantization.Quantize(source.Read()).MoveTo(Compute.Device), source);
    }

    private string Stored(string name)
    {
        var stored = WeightNames.Stored(name, weights.Contains);
        Used.Add(stored);
        return stored;
    }

    private Tensor Keep(string name, Tensor read, ScalarType? type)
    {
        var kept = read;
        if (type is { } target && read.dtype != target)
        {
            kept = read.to(target);
            read.Dispose();
        }
        if (!Compute.IsCpu) kept = Tensors.On(kept, Compute.Device);
        Parameters.Add(name, kept.DetachFromDisposeScope());
        return kept;
    }
}
