using AlpacaCot.Models.Checkpoints;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>
/// Hands out the layers of a model under construction, filled from a weight source, and remembers them by their checkpoint
/// names: what adapters attach to, what full training updates, what is saved.
/// </summary>
public sealed class ModelBuilder(IWeightSource weights, ScalarType? storage = null)
{
    /// <summary>Every weight by its checkpoint name.</summary>
    public Dictionary<string, Tensor> Parameters { get; } = [];

    /// <summary>Every linear layer by its checkpoint name, without <c>.weight</c>.</summary>
    public Dictionary<string, Linear> Linears { get; } = [];

    /// <summary>True when the source holds this weight.</summary>
    public bool Contains(string name) => weights.Contains(name);

    /// <summary>A linear layer <c>y = x Wᵀ + b</c> whose weight is <c>[outputs, inputs]</c>.</summary>
    public Linear Linear(string name, long inputs, long outputs, bool bias = false)
    {
        var layer = new Linear(name, Parameter(name + ".weight", outputs, inputs), bias ? Small(name + ".bias", outputs) : null);
        Linears.Add(name, layer);
        return layer;
    }

    /// <summary>An embedding table <c>[tokens, width]</c>.</summary>
    public Embedding Embedding(string name, long tokens, long width) => new(Parameter(name + ".weight", tokens, width));

    /// <summary>The output head: its own weight, or the embedding's when the two are tied.</summary>
    public Linear Head(string name, Embedding embedding, long inputs, long outputs, bool tied)
    {
        if (!tied) return Linear(name, inputs, outputs);
        var layer = new Linear(name, embedding.Weight, null);
        Linears.Add(name, layer);
        return layer;
    }

    /// <summary>An RMS norm over the last dimension.</summary>
    public RmsNorm RmsNorm(string name, long width, double epsilon) => new(Small(name + ".weight", width), epsilon);

    /// <summary>A weight in its stored type, or in <c>storage</c> when one was asked for.</summary>
    public Tensor Parameter(string name, params ReadOnlySpan<long> shape) => Keep(name, weights.Read(name, shape), storage);

    // One-dimensional weights are few bytes and used in every precision-critical place: always fp32.
    private Tensor Small(string name, long width) => Keep(name, weights.Read(name, [width]), ScalarType.Float32);

    private Tensor Keep(string name, Tensor read, ScalarType? type)
    {
        var kept = read;
        if (type is { } wanted && read.dtype != wanted)
        {
            kept = read.to(wanted);
            read.Dispose();
        }
        Parameters.Add(name, kept.DetachFromDisposeScope());
        return kept;
    }
}
