using AlpacaCot.Models.Quantization;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Sources;

/// <summary>A source of weights while a model is built, such as a checkpoint or a random initializer.</summary>
public interface IWeightSource
{
    /// <summary>The names of the available weights; empty where any name can be read.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>Whether a weight of this name is available.</summary>
    bool Contains(string name);

    /// <summary>Reads a weight in its stored type; the caller owns it.</summary>
    /// <exception cref="Text.InputException">The weight is missing or has another shape.</exception>
    Tensor Read(string name, ReadOnlySpan<long> shape);

    /// <summary>Reads the quantized matrix of a linear layer, owned by the caller; null where it is not quantized.</summary>
    /// <param name="name">The name of its weight.</param>
    /// <param name="outputs">The number of rows.</param>
    /// <param name="inputs">The number of columns.</param>
    /// <exception cref="Text.InputException">A tensor of the matrix is missing or has the wrong shape.</exception>
    WeightMatrix? ReadQuantized(string name, long outputs, long inputs) => null;

    /// <summary>Whether two weights are both stored, with different shapes or values.</summary>
    bool Differ(string name, string other) => false;

    /// <summary>The origin of the weights, for messages.</summary>
    string Origin => "the checkpoint";
}
