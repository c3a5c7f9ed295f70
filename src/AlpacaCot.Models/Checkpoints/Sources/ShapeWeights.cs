using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>Weights without memory: a model built from them has names and shapes only, on the meta device.</summary>
/// <param name="type">The type of a weight by its name and number of dimensions; null: fp32.</param>
/// <param name="described">The weights whose names and ties the model has; null: any name can be read.</param>
public sealed class ShapeWeights(Func<string, int, ScalarType>? type = null, IWeightSource? described = null) : IWeightSource
{
    /// <inheritdoc/>
    public IEnumerable<string> Names => described?.Names ?? [];

    /// <inheritdoc/>
    public string Origin => described?.Origin ?? "the model";

    /// <inheritdoc/>
    public bool Contains(string name) => described?.Contains(name) ?? true;

    /// <inheritdoc/>
    public bool Differ(string name, string other) => described?.Differ(name, other) ?? false;

    /// <inheritdoc/>
    public Tensor Read(string name, ReadOnlySpan<long> shape) =>
        Tensors.Empty(shape, type?.Invoke(name, shape.Length) ?? ScalarType.Float32, META);
}
