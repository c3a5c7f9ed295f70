using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>Weights that have a shape and no memory: a model of them tells its parts and computes nothing.</summary>
public sealed class ShapesOnly : IWeightSource
{
    /// <inheritdoc/>
    public IEnumerable<string> Names => [];

    /// <inheritdoc/>
    public bool Contains(string name) => true;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape) => Native.Tensors.Empty(shape, ScalarType.Float32, META);
}
