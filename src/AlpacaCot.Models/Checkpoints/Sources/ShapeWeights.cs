using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>Weights without memory: a model built from them has names and shapes only, on the meta device.</summary>
/// <param name="type">The type of a weight by its name and number of dimensions; null: fp32.</param>
public sealed class ShapeWeights(Func<string, int, ScalarType>? type = null) : IWeightSource
{
    /// <inheritdoc/>
    public IEnumerable<string> Names => [];

    /// <inheritdoc/>
    public bool Contains(string name) => true;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape) =>
        Tensors.Empty(shape, type?.Invoke(name, shape.Length) ?? ScalarType.Float32, META);
}
