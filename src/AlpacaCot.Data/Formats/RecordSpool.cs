using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Buffers records in a temporary file until a table's columns are known. The column shapes are collected while records are
/// added.
/// </summary>
internal sealed class RecordSpool(string folder) : IDisposable
{
    private const int MostColumns = 1000;

    private readonly FileStream _file = TemporaryFile(folder);

    /// <summary>The fields of the records, in the order of their first occurrence, with the shape of their values.</summary>
    public OrderedDictionary<string, ColumnShape> Columns { get; } = [];

    /// <summary>Creates a file that is deleted when it is closed.</summary>
    public static FileStream TemporaryFile(string folder) =>
        Leftovers.Unnamed(new(Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"),
        FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose));

    /// <summary>Adds a record: one JSON object.</summary>
    /// <exception cref="InputException">The number of distinct fields exceeds the maximum for a table.</exception>
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
                $"The records have more than {MostColumns} different fields, too many for a table. Write .jsonl instead.");
    }

    /// <summary>Returns the records in order; each is valid until the next.</summary>
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
