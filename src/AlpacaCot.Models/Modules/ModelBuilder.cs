using AlpacaCot.Models.Checkpoints.Folders;
using AlpacaCot.Models.Checkpoints.Sources;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Hands out the layers of a model under construction, filled from a weight source, and remembers them by their checkpoint
/// names: what adapters attach to, what full training updates, what is saved.
/// </summary>
/// <param name="weights">Where the weights come from.</param>
/// <param name="storage">The type that plain matrices are kept in; null: as stored.</param>
/// <param name="quantization">How the matrices of linear layers are kept; null: plain, or quantized where they are stored
/// so.</param>
/// <param name="compute">Where the model computes; null: on the CPU. Weights are read there and moved one by one.</param>
public sealed class ModelBuilder(
    IWeightSource weights, ScalarType? storage = null, QuantizationOptions? quantization = null, Compute? compute = null)
{
    /// <summary>Where the model computes.</summary>
    public Compute Compute { get; } = compute ?? Compute.Cpu;

    /// <summary>Every weight by its checkpoint name.</summary>
    public Dictionary<string, Tensor> Parameters { get; } = [];

    /// <summary>Every linear layer by its checkpoint name, without <c>.weight</c>.</summary>
    public Dictionary<string, Linear> Linears { get; } = [];

    /// <summary>Every embedding table by its checkpoint name, without <c>.weight</c>.</summary>
    public Dictionary<string, Embedding> Embeddings { get; } = [];

    /// <summary>Where weights stand, by their names; a tied head has a place of its own.</summary>
    public Dictionary<string, ParameterSlot> Slots { get; } = [];

    /// <summary>What the layers hold beside weights, freed with the model.</summary>
    public List<IDisposable> Tables { get; } = [];

    /// <summary>True when the source holds this weight.</summary>
    public bool Contains(string name) => weights.Contains(name);

    /// <summary>A linear layer <c>y = x Wᵀ + b</c> whose weight is <c>[outputs, inputs]</c>.</summary>
    public Linear Linear(string name, long inputs, long outputs, bool bias = false) =>
        Layer(name, Matrix(name, inputs, outputs, inputsFirst: false, quantization),
            bias ? Vector(name + ".bias", outputs) : null);

    /// <summary>A linear layer with bias whose weight the checkpoint holds as <c>[inputs, outputs]</c>.</summary>
    public Linear InputsFirst(string name, long inputs, long outputs) =>
        Layer(name, Matrix(name, inputs, outputs, inputsFirst: true, quantization), Vector(name + ".bias", outputs),
            inputsFirst: true);

    /// <summary>An embedding table <c>[tokens, width]</c>.</summary>
    public Embedding Embedding(string name, long tokens, long width)
    {
        var layer = new Embedding(name, Parameter(name + ".weight", tokens, width));
        Embeddings.Add(name, layer);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight, own => layer.Weight = own);
        return layer;
    }

    /// <summary>The output head: its own weight, or the embedding's when the two are tied. It is never quantized.</summary>
    public Linear Head(string name, Embedding embedding, long inputs, long outputs, bool tied, bool bias = false) =>
        Layer(name, tied ? (new DenseMatrix(embedding.Weight), null) : Matrix(name, inputs, outputs, inputsFirst: false, null),
            bias ? Vector(name + ".bias", outputs) : null);

    /// <summary>An RMS norm over the last dimension.</summary>
    public RmsNorm RmsNorm(string name, long width, double epsilon, double offset = 0)
    {
        var layer = new RmsNorm(Vector(name + ".weight", width), epsilon, offset);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight, own => layer.Weight = own);
        return layer;
    }

    /// <summary>A layer norm over the last dimension.</summary>
    public LayerNorm LayerNorm(string name, long width, double epsilon, bool bias = true)
    {
        var layer = new LayerNorm(width, Vector(name + ".weight", width), bias ? Vector(name + ".bias", width) : null, epsilon);
        Slots[name + ".weight"] = ParameterSlot.Of(() => layer.Weight!, own => layer.Weight = own);
        if (bias) Slots[name + ".bias"] = ParameterSlot.Of(() => layer.Bias!, own => layer.Bias = own);
        return layer;
    }

    /// <summary>Rotary positions for heads of this width.</summary>
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

    /// <summary>A weight in its stored type, or in <c>storage</c> when one was asked for.</summary>
    public Tensor Parameter(string name, params ReadOnlySpan<long> shape) =>
        Keep(name, weights.Read(Stored(name), shape), storage);

    /// <summary>A one-dimensional weight: few bytes, used in every precision-critical place, so always fp32.</summary>
    public Tensor Vector(string name, long width) => Keep(name, weights.Read(Stored(name), [width]), ScalarType.Float32);

    private Linear Layer(string name, (WeightMatrix Matrix, FullWeight? Source) made, Tensor? bias, bool inputsFirst = false)
    {
        var layer = new Linear(name, made.Matrix, bias, inputsFirst) { Source = made.Source };
        Linears.Add(name, layer);
        Slots[name + ".weight"] = layer.WeightSlot;
        if (bias is not null) Slots[name + ".bias"] = ParameterSlot.Of(() => layer.Bias!, own => layer.Bias = own);
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
            return (new DenseMatrix(Parameter(weight, shape), inputsFirst), null);
        var source = new FullWeight(() => weights.Read(Stored(weight), shape) is var full && inputsFirst ? full.t() : full,
            quantization);
        using var scope = NewDisposeScope(); // of the full matrices one exists at a time
        return (quantization.Quantize(source.Read()).MoveTo(Compute.Device), source);
    }

    private string Stored(string name) => WeightNames.Stored(name, weights.Contains);

    private Tensor Keep(string name, Tensor read, ScalarType? type)
    {
        var kept = read;
        if (type is { } wanted && read.dtype != wanted)
        {
            kept = read.to(wanted);
            read.Dispose();
        }
        if (!Compute.IsCpu) kept = Tensors.On(kept, Compute.Device);
        Parameters.Add(name, kept.DetachFromDisposeScope());
        return kept;
    }
}
