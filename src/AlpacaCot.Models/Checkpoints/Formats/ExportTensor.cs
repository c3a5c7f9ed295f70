using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A weight to be written to a file, read only when it is written.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="DType">The element type in the file.</param>
/// <param name="Shape">The size of each dimension.</param>
/// <param name="Read">Returns the tensor, of that type and shape; the caller disposes it.</param>
public sealed record ExportTensor(string Name, ScalarType DType, long[] Shape, Func<Tensor> Read)
{
    private const int ChunkBytes = 16 << 20;

    /// <summary>The size of its elements in bytes.</summary>
    public long ByteCount => TensorLayout.ByteCount(DType, Shape)!.Value;

    /// <summary>The same weight in another type; reading it fails where a value exceeds that type's range.</summary>
    public ExportTensor As(ScalarType type) => type == DType ? this : this with
    {
        DType = type,
        Read = () =>
        {
            using var scope = NewDisposeScope();
            var converted = Read().to(type);
            WeightValidation.RequireRange(converted, Name);
            return converted.MoveToOuterDisposeScope();
        },
    };

    /// <summary>Writes the elements in order, little-endian.</summary>
    internal void WriteTo(Stream stream)
    {
        using var plain = Plain();
        foreach (var (start, count) in Chunks()) stream.Write(Bytes(plain, start, count));
    }

    /// <summary>Whether a contiguous tensor has the same type, shape and bits.</summary>
    internal bool HasBytesOf(Tensor other)
    {
        if (other.dtype != DType || !other.shape.SequenceEqual(Shape)) return false;
        using var plain = Plain();
        return Chunks().All(c => Bytes(plain, c.Start, c.Count).SequenceEqual(Bytes(other, c.Start, c.Count)));
    }

    /// <summary>The tensor on the CPU with its elements in order, disposed by the caller.</summary>
    internal Tensor Plain()
    {
        using var scope = NewDisposeScope();
        var read = Read();
        if (read.dtype != DType || !read.shape.SequenceEqual(Shape))
            throw new ArgumentException($"{Name} is {read.dtype} [{string.Join(", ", read.shape)}], not {DType} " +
                $"[{string.Join(", ", Shape)}]");
        var plain = read.detach().cpu().contiguous().alias().MoveToOuterDisposeScope();
        read.Dispose();
        return plain;
    }

    private IEnumerable<(long Start, int Count)> Chunks()
    {
        for (long start = 0; start < ByteCount; start += ChunkBytes)
            yield return (start, (int)Math.Min(ChunkBytes, ByteCount - start));
    }

    private static unsafe ReadOnlySpan<byte> Bytes(Tensor tensor, long start, int count) =>
        new(TensorMemory.Bytes(tensor) + start, count);
}
