using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>Weights without memory: a model built from them has names and shapes, and computes nothing.</summary>
public sealed class ShapeWeights : IWeightSource
{
    /// <inheritdoc/>
    public IEnumerable<string> Names => [];

    /// <inheritdoc/>
    public bool Contains(string name) => true;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape) => Native.Tensors.Empty(shape, ScalarType.Float32, META);
}
