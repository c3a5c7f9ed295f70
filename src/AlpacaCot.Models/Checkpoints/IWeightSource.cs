using AlpacaCot.Data;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints;

/// <summary>Where a model's weights come from: a checkpoint, or chance.</summary>
public interface IWeightSource
{
    /// <summary>The names it holds; empty where it makes any name.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>Whether <see cref="Read"/> would find this name.</summary>
    bool Contains(string name);

    /// <summary>The tensor of that name and shape; the caller disposes it and must not change it in place if it may be read again.</summary>
    /// <exception cref="InputException">There is none, or it has another shape.</exception>
    Tensor Read(string name, ReadOnlySpan<long> shape);
}
