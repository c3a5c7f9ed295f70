using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Holds records in a temporary file until the columns of a table are known. What all of them have in common is learnt on the
/// way.
/// </summary>
internal sealed class RecordSpool(string folder) : IDisposable
{
    private const int MostColumns = 1000;

    private readonly FileStream _file = TemporaryFile(folder);

    /// <summary>The fields of the records, in the order in which they were first seen, with the shape of their values.</summary>
    public OrderedDictionary<string, ColumnShape> Columns { get; } = [];

    /// <summary>A file that is gone when it is closed.</summary>
    public static FileStream TemporaryFile(string folder) => new(Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"),
        FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);

    /// <summary>Adds a record: one JSON object.</summary>
    /// <exception cref="InputException">There are more different fields than a table can reasonably have.</exception>
    public void Add(ReadOnlySpan<byte> json)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, json.Length);
        _file.Write(length);
        _file.Write(json);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 1000 });
        using var record = JsonDocument.ParseValue(ref reader);
        foreach (var field in record.RootElement.EnumerateObject())
        {
            if (!Columns.TryGetValue(field.Name, out var shape)) Columns[field.Name] = shape = new ColumnShape();
            shape.Include(field.Value);
        }
        if (Columns.Count > MostColumns)
            throw new InputException(
                $"The records have more than {MostColumns} different fields, which is no table. Write .jsonl instead.");
    }

    /// <summary>Gives the records again, in their order; each is valid until the next.</summary>
    public IEnumerable<JsonElement> Records()
    {
        _file.Position = 0;
        var length = new byte[4];
        while (_file.ReadAtLeast(length, 4, throwOnEndOfStream: false) == 4)
        {
            var size = BinaryPrimitives.ReadInt32LittleEndian(length);
            var bytes = ArrayPool<byte>.Shared.Rent(size);
            _file.ReadExactly(bytes, 0, size);
            using (var record = JsonDocument.Parse(bytes.AsMemory(0, size), new JsonDocumentOptions { MaxDepth = 1000 }))
                yield return record.RootElement;
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    public void Dispose() => _file.Dispose();
}
