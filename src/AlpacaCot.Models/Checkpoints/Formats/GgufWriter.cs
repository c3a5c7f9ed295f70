using System.Text;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text.Gguf;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>A tensor to be written to a GGUF file.</summary>
/// <param name="Weight">The weight under its GGUF name.</param>
/// <param name="Type">The element type in the file.</param>
internal sealed record GgufOutgoing(ExportTensor Weight, GgufType Type)
{
    public long ByteCount => Type.ByteCount(Weight.Shape)!.Value;
}

/// <summary>Writes the container: metadata, the offsets of the tensors, their data. Version 3, little-endian.</summary>
internal static class GgufWriter
{
    private const int Alignment = 32, RowsPerChunk = 256;

    /// <summary>Writes a file; one tensor is in memory at a time.</summary>
    /// <param name="stream">An empty file.</param>
    /// <param name="values">Metadata: texts, <c>bool</c>, <c>int</c> (unsigned in the file), <c>float</c>, and lists of texts,
    /// <c>int</c> (signed) and <c>float</c>.</param>
    /// <param name="tensors">The tensors.</param>
    public static void Write(Stream stream, IReadOnlyList<(string Key, object Value)> values, IReadOnlyList<GgufOutgoing> tensors)
    {
        using (var header = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            header.Write("GGUF"u8);
            header.Write(3);
            header.Write((long)tensors.Count);
            header.Write((long)values.Count);
            foreach (var (key, value) in values)
            {
                Text(header, key);
                Value(header, value);
            }
            long offset = 0;
            foreach (var tensor in tensors)
            {
                Text(header, tensor.Weight.Name);
                header.Write(tensor.Weight.Shape.Length);
                foreach (var size in tensor.Weight.Shape.Reverse()) header.Write(size);
                header.Write(tensor.Type.Id);
                header.Write(offset);
                offset += Aligned(tensor.ByteCount);
            }
        }
        Pad(stream);
        foreach (var tensor in tensors)
        {
            Data(stream, tensor);
            Pad(stream);
        }
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream stream) => stream.Write(new byte[Aligned(stream.Position) - stream.Position]);

    private static void Text(BinaryWriter writer, string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        writer.Write((long)utf8.Length);
        writer.Write(utf8);
    }

    private static void Value(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case int number: writer.Write(4); writer.Write(number); break;
            case float number: writer.Write(6); writer.Write(number); break;
            case bool flag: writer.Write(7); writer.Write(flag); break;
            case string text: writer.Write(8); Text(writer, text); break;
            case IReadOnlyList<string> texts: List(writer, 8, texts, t => Text(writer, t)); break;
            case IReadOnlyList<int> numbers: List(writer, 5, numbers, writer.Write); break;
            case IReadOnlyList<float> numbers: List(writer, 6, numbers, writer.Write); break;
            default: throw new ArgumentException($"{value.GetType()} is not a GGUF metadata type", nameof(value));
        }
    }

    private static void List<T>(BinaryWriter writer, int kind, IReadOnlyList<T> items, Action<T> write)
    {
        writer.Write(9);
        writer.Write(kind);
        writer.Write((long)items.Count);
        foreach (var item in items) write(item);
    }

    private static unsafe void Data(Stream stream, GgufOutgoing tensor)
    {
        var type = tensor.Type;
        if (type.BlockElements == 1)
        {
            tensor.Weight.As(type == GgufType.F32 ? ScalarType.Float32 : type == GgufType.F16 ? ScalarType.Float16
                : ScalarType.BFloat16).WriteTo(stream);
            return;
        }
        using var plain = tensor.Weight.As(ScalarType.Float32).Plain();
        var width = tensor.Weight.Shape[^1];
        var rows = plain.numel() / width;
        var rowBytes = (int)(width / type.BlockElements * type.BlockBytes);
        var (values, blocks) = ((nint)TensorMemory.Floats(plain), new byte[Math.Min(RowsPerChunk, rows) * rowBytes]);
        for (long start = 0; start < rows; start += RowsPerChunk)
        {
            var count = (int)Math.Min(RowsPerChunk, rows - start);
            Parallel.For(0, count, row => GgufBlocks.Round(type,
                new ReadOnlySpan<float>((float*)values + (start + row) * width, (int)width), blocks.AsSpan(row * rowBytes,
                    rowBytes)));
            stream.Write(blocks, 0, count * rowBytes);
        }
    }
}
