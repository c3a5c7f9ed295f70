using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A tensor in a file, as its header describes it.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="DType">The element type; where <paramref name="Unsupported"/> is set, a type of the same width.</param>
/// <param name="Shape">The size of each dimension; empty for a scalar.</param>
/// <param name="Unsupported">The file's name of an element type that cannot be read (F8_E4M3, ...); null for readable
/// types.</param>
public sealed record TensorEntry(string Name, ScalarType DType, long[] Shape, string? Unsupported = null);

/// <summary>A file of named tensors. Opening reads the header only.</summary>
public interface ITensorFile : IDisposable
{
    /// <summary>The path of the file, as it was opened.</summary>
    string Path { get; }

    /// <summary>The tensors of the file, in the file's order.</summary>
    IReadOnlyDictionary<string, TensorEntry> Entries { get; }

    /// <summary>
    /// The tensor of that name: a view of the mapped file where its layout allows, else a contiguous copy. It
    /// outlives this object; two reads of one name share memory. The caller disposes it.
    /// </summary>
    /// <exception cref="InputException">The tensor does not exist, or its element type cannot be read.</exception>
    Tensor Read(string name);
}
