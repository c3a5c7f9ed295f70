using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>Writes safetensors files, byte for byte as the reference library does.</summary>
public static class SafetensorsWriter
{
    private static readonly JsonWriterOptions Plainly = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Dictionary<string, string> DefaultMetadata = new() { ["format"] = "pt" };

    /// <summary>
    /// Writes the tensors to <paramref name="path"/>, atomically. The order of the list does not matter; the same
    /// tensors give the same bytes. Contiguous CPU tensors are written from their own memory; others are copied one at a time.
    /// </summary>
    /// <param name="path">The file to create or replace; its folder is created where absent.</param>
    /// <param name="tensors">Unique names, and tensors on any device and in any layout.</param>
    /// <param name="metadata">The header's <c>__metadata__</c>; <c>{"format":"pt"}</c> when null, omitted when empty.</param>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or an element type is not supported by the
    /// format.</exception>
    public static void Write(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, [.. tensors.Select(t => new ExportTensor(t.Name, t.Tensor.dtype, t.Tensor.shape, () => t.Tensor.alias()))],
            metadata);

    /// <summary>
    /// Writes weights that are read one at a time, so that only one is in memory. Otherwise as the other overload.
    /// </summary>
    /// <exception cref="ArgumentException">A name occurs twice or is reserved, or an element type is not supported by the
    /// format.</exception>
    public static void Write(string path, IReadOnlyList<ExportTensor> weights,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var ordered = Order(weights);
        var header = Header(ordered, metadata ?? DefaultMetadata);
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var item in ordered) item.Weight.WriteTo(stream);
        });
    }

    private sealed record Item(string Name, ExportTensor Weight, SafetensorsType Type, int Order);

    private static List<Item> Order(IReadOnlyList<ExportTensor> weights)
    {
        var names = new HashSet<string> { "__metadata__" };
        var found = new List<Item>();
        foreach (var weight in weights)
        {
            var name = weight.Name;
            if (!names.Add(name)) throw new ArgumentException($"the name {name} is used twice or reserved", nameof(weights));
            var (type, order) = SafetensorsType.Find(weight.DType)
                ?? throw new ArgumentException($"{name}: {weight.DType} is not supported by safetensors", nameof(weights));
            found.Add(new Item(name, weight, type, order));
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
            foreach (var (name, weight, type, _) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                json.WriteStartArray("shape");
                foreach (var size in weight.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += weight.ByteCount);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
