using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A tensor in a file, as its header describes it.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="DType">The type of its elements; where <paramref name="Unsupported"/> is set, only of the same width.</param>
/// <param name="Shape">The size of each dimension; empty for a scalar.</param>
/// <param name="Unsupported">The file's name of an element type that cannot be read (F8_E4M3, ...), else null.</param>
public sealed record TensorEntry(string Name, ScalarType DType, long[] Shape, string? Unsupported = null);

/// <summary>A file of named tensors. Opening reads the header only.</summary>
public interface ITensorFile : IDisposable
{
    /// <summary>The path the file was opened by.</summary>
    string Path { get; }

    /// <summary>What the file holds, in the file's order.</summary>
    IReadOnlyDictionary<string, TensorEntry> Entries { get; }

    /// <summary>
    /// The tensor of that name: over the file's memory without a copy where its layout allows, else a contiguous copy. It
    /// outlives this object; two reads of one name share memory. The caller disposes it.
    /// </summary>
    /// <exception cref="InputException">There is no such tensor, or its element type cannot be read.</exception>
    Tensor Read(string name);
}
