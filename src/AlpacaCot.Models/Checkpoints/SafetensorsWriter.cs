using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Data;
using AlpacaCot.Models.Native;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints;

/// <summary>Writes safetensors files, byte for byte as the reference library does.</summary>
public static class SafetensorsWriter
{
    private const int ChunkBytes = 16 << 20;
    private static readonly JsonWriterOptions Plainly = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Dictionary<string, string> DefaultMetadata = new() { ["format"] = "pt" };

    /// <summary>
    /// Writes the tensors to <paramref name="path"/>, whole or not at all. The order of the list does not matter; the same
    /// tensors give the same bytes. Contiguous CPU tensors are written from their own memory; others are copied one at a time.
    /// </summary>
    /// <param name="path">The file to make or replace; its folder is made too.</param>
    /// <param name="tensors">Names, each once, and tensors of any device and layout.</param>
    /// <param name="metadata">The header's <c>__metadata__</c>; <c>{"format":"pt"}</c> when null, none when empty.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or an element type has no place in the
    /// format.</exception>
    public static void Write(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(tensors);
        var header = Header(ordered, metadata ?? DefaultMetadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var item in ordered) WriteBytes(stream, item.Tensor);
        });
    }

    private sealed record Item(string Name, Tensor Tensor, SafetensorsType Type, int Order);

    private static List<Item> Order(IReadOnlyList<(string Name, Tensor Tensor)> tensors)
    {
        var names = new HashSet<string> { "__metadata__" };
        var found = new List<Item>();
        foreach (var (name, tensor) in tensors)
        {
            if (!names.Add(name)) throw new ArgumentException($"the name {name} is used twice or reserved", nameof(tensors));
            var (type, order) = SafetensorsType.Find(tensor.dtype)
                ?? throw new ArgumentException($"{name}: {tensor.dtype} has no place in the format", nameof(tensors));
            found.Add(new Item(name, tensor, type, order));
        }
        // Wide types first keeps every tensor aligned.
        return [.. found.OrderByDescending(t => t.Order).ThenBy(t => t.Name, StringComparer.Ordinal)];
    }

    private static byte[] Header(List<Item> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Plainly))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal)) json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, tensor, type, _) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                json.WriteStartArray("shape");
                foreach (var size in tensor.shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.numel() * TensorLayout.ItemSize(tensor.dtype));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static unsafe void WriteBytes(FileStream stream, Tensor tensor)
    {
        using var plain = Plain(tensor);
        var address = TensorMemory.Bytes(plain);
        var left = plain.numel() * TensorLayout.ItemSize(plain.dtype);
        for (int count; left > 0; left -= count, address += count)
        {
            count = (int)Math.Min(left, ChunkBytes);
            stream.Write(new ReadOnlySpan<byte>(address, count));
        }
    }

    // A new handle in every case, so that it can be disposed; a copy only where the bytes do not lie in order on the CPU.
    private static Tensor Plain(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().cpu().contiguous().alias().MoveToOuterDisposeScope();
    }
}
