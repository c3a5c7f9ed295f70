using AlpacaCot.Models.Quantization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>Where a model's weights come from while it is built: a checkpoint, a random generator, a test.</summary>
public interface IWeightSource
{
    /// <summary>The names that can be read.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>True when there is a weight of this name.</summary>
    bool Contains(string name);

    /// <summary>The weight of this name, owned by the caller, in the type it is stored in.</summary>
    /// <exception cref="Text.InputException">There is none of this name and shape.</exception>
    Tensor Read(string name, ReadOnlySpan<long> shape);

    /// <summary>The matrix of a linear layer where it is stored quantized, owned by the caller; null where it is not.</summary>
    /// <param name="name">The name of its weight.</param>
    /// <param name="outputs">Rows.</param>
    /// <param name="inputs">Columns.</param>
    /// <exception cref="Text.InputException">A part of it is missing or of a wrong shape.</exception>
    WeightMatrix? ReadQuantized(string name, long outputs, long inputs) => null;
}
