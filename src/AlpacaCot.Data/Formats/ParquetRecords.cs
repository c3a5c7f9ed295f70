using System.Buffers;
using System.Text.Json;
using AlpacaCot.Text;
using Parquet;
using Parquet.Schema;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads the rows of a Parquet file as objects, one row group at a time; a null cell is a missing field.
/// </summary>
internal sealed class ParquetRecords : IRecordCursor
{
    /// <summary>File metadata key that lists the columns with JSON text.</summary>
    public const string JsonColumns = "alpaca_cot.json_columns";

    private readonly Stream _stream;
    private readonly string _name;
    private readonly long _length;
    private readonly ParquetReader _reader;
    private readonly HashSet<string> _jsonColumns;
    private readonly ArrayBufferWriter<byte> _json = new(4096);
    private readonly Utf8JsonWriter _writer;
    private readonly int _largestRecord;
    // Compared by reference: a field's hash covers all its content, and the schema's objects differ from the data fields.
    private readonly Dictionary<Field, string[]> _leavesOf = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, ParquetLeaf> _leaves = [];
    private int _group;
    private long _rowsLeft;

    private ParquetRecords(Stream stream, string name, int largestRecord)
    {
        (_stream, _name, _length, _largestRecord) = (stream, name, stream.Length, largestRecord);
        _writer = new Utf8JsonWriter(_json, new JsonWriterOptions { SkipValidation = true, MaxDepth = 1000 });
        if (!ParquetDescription.IsFileSound(stream)) throw Damaged("the footer is invalid", null);
        stream.Position = 0;
        _reader = Guard(() => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        _jsonColumns = Guard(() => _reader.CustomMetadata.TryGetValue(JsonColumns, out var names)
            ? JsonSerializer.Deserialize<HashSet<string>>(names)! : []);
        Columns = Guard(() => _reader.Schema.Fields.GroupBy(field => field.Name).ToDictionary(same => same.Key, same =>
            _jsonColumns.Contains(same.Key) ? JsonValueKind.Undefined : KindOf(same.First())));
    }

    private static JsonValueKind KindOf(Field field) => field switch
    {
        DataField { IsArray: true } or ListField or MapField => JsonValueKind.Array,
        StructField => JsonValueKind.Object,
        DataField { ClrType: var type } => type == typeof(bool) ? JsonValueKind.True
            : type.IsPrimitive || type == typeof(decimal) ? JsonValueKind.Number : JsonValueKind.String,
        _ => JsonValueKind.Undefined,
    };

    /// <summary>Starts reading. A compressed file, which cannot be read backwards, is unpacked to a temporary file.</summary>
    public static ParquetRecords Open(Stream stream, long origin, Stream unpacked, string name, ReadOptions options)
    {
        if (origin == 0)
        {
            stream.Position = 0;
            Span<byte> head = stackalloc byte[4];
            if (stream.ReadAtLeast(head, 4, throwOnEndOfStream: false) == 4 && FileKind.IsParquet(head))
                return new(stream, name, options.LargestRecord);
            stream.Position = 0;
            unpacked = Unpacking.Open(stream, options.LargestExpansion, out _, out _);
        }
        var copy = Leftovers.Unnamed(new FileStream(Path.Combine(Path.GetTempPath(), $"alpaca-cot-{Guid.NewGuid():N}.parquet"),
            FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose));
        try
        {
            unpacked.CopyTo(copy);
            return new(copy, name, options.LargestRecord);
        }
        catch (InvalidDataException damaged)
        {
            copy.Dispose();
            throw new InputException($"{name}: {damaged.Message}.", damaged);
        }
    }

    public string Container => "Parquet";
    public bool IsTable => true;
    public IReadOnlyDictionary<string, JsonValueKind> Columns { get; }
    public long Number { get; private set; }
    public string Location => $"{_name}, record {Number}";
    public ReadOnlySpan<byte> Current => _json.WrittenSpan;
    public string? Problem { get; private set; }

    public bool MoveNext()
    {
        while (_rowsLeft == 0)
        {
            foreach (var leaf in _leaves.Values)
                if (!leaf.IsAtEnd) throw Damaged($"row group {_group} has more values than rows", null);
            if (_group == _reader.RowGroupCount) return false;
            ReadGroup(_group++);
        }
        _rowsLeft--;
        Number++;
        Guard(WriteRow);
        Problem = _json.WrittenCount > _largestRecord
            ? $"it exceeds the maximum record size of {_largestRecord >> 20} MB" : null;
        return true;
    }

    private void ReadGroup(int index) => Guard(() =>
    {
        using var group = _reader.OpenRowGroupReader(index);
        _rowsLeft = group.RowCount;
        foreach (var leaf in _leaves.Values) leaf.Dispose();
        _leaves.Clear();
        foreach (var field in _reader.Schema.DataFields)
        {
            var chunk = group.GetMetadata(field)?.MetaData;
            // Compare the sizes in a header with the file before allocating memory for them.
            if (chunk is null || chunk.NumValues < 0 || chunk.NumValues > int.MaxValue / 16 || chunk.NumValues < _rowsLeft
                || chunk.TotalCompressedSize > _length || chunk.TotalUncompressedSize > 64L * 1024 * 1024 + 500 * _length)
                throw new InvalidDataException($"the header of column {field.Path} is invalid");
            var start = chunk.DictionaryPageOffset is > 0 and var first && first < chunk.DataPageOffset
                ? first : chunk.DataPageOffset;
            if (!ParquetDescription.ArePagesSound(_stream, start, chunk.TotalCompressedSize, chunk.TotalUncompressedSize))
                throw new InvalidDataException($"a page of column {field.Path} has an invalid header");
            _leaves[field.Path.ToString()] = ParquetLeaf.Read(group, field);
        }
        return true;
    });

    private bool WriteRow()
    {
        _json.ResetWrittenCount();
        _writer.Reset(_json);
        _writer.WriteStartObject();
        foreach (var field in _reader.Schema.Fields) WriteMember(field);
        _writer.WriteEndObject();
        _writer.Flush();
        return true;
    }

    private void WriteMember(Field field)
    {
        if (field is DataField { MaxRepetitionLevel: 0 } data)
        {
            var leaf = First(data);
            if (leaf.HasValue)
            {
                _writer.WritePropertyName(field.Name);
                if (_jsonColumns.Contains(field.Path.ToString())) leaf.WriteJson(_writer);
                else leaf.WriteValue(_writer);
            }
            leaf.Advance();
            return;
        }
        var level = First(field).Definition;
        var present = field switch
        {
            StructField or DataField { IsArray: false } => level >= field.MaxDefinitionLevel,
            _ => level >= field.MaxDefinitionLevel - 1,
        };
        if (!present)
        {
            Skip(field);
            return;
        }
        _writer.WritePropertyName(field.Name);
        WriteValue(field);
    }

    /// <summary>Writes the current value, or null for a missing element.</summary>
    private void WriteValue(Field field)
    {
        switch (field)
        {
            case StructField group when First(field).Definition < field.MaxDefinitionLevel:
                Skip(group);
                _writer.WriteNullValue();
                break;
            case StructField group:
                _writer.WriteStartObject();
                foreach (var member in group.Fields) WriteMember(member);
                _writer.WriteEndObject();
                break;
            case ListField list: WriteList(list, list.Item); break;
            case MapField map:
                _writer.WriteStartArray();
                WriteElements(map, () =>
                {
                    _writer.WriteStartObject();
                    WriteMember(map.Key);
                    WriteMember(map.Value);
                    _writer.WriteEndObject();
                });
                _writer.WriteEndArray();
                break;
            case DataField { IsArray: true } repeated:
                _writer.WriteStartArray();
                WriteElements(repeated, () => WriteLeaf(repeated));
                _writer.WriteEndArray();
                break;
            case DataField data: WriteLeaf(data); break;
        }
    }

    private void WriteList(ListField list, Field item)
    {
        if (First(list).Definition < list.MaxDefinitionLevel - 1)
        {
            Skip(list);
            _writer.WriteNullValue();
            return;
        }
        _writer.WriteStartArray();
        WriteElements(list, () => WriteValue(item));
        _writer.WriteEndArray();
    }

    private void WriteElements(Field list, Action writeElement)
    {
        var first = First(list);
        if (first.Definition < list.MaxDefinitionLevel)   // an empty list takes one level entry
        {
            Skip(list);
            return;
        }
        do writeElement();
        while (!first.IsAtEnd && first.Repetition == list.MaxRepetitionLevel);
    }

    private void WriteLeaf(DataField field)
    {
        var leaf = First(field);
        if (leaf.HasValue) leaf.WriteValue(_writer);
        else _writer.WriteNullValue();
        leaf.Advance();
    }

    private ParquetLeaf First(Field field) => _leaves[LeavesOf(field)[0]];

    private void Skip(Field field)
    {
        foreach (var leaf in LeavesOf(field)) _leaves[leaf].Advance();
    }

    private string[] LeavesOf(Field field)
    {
        if (!_leavesOf.TryGetValue(field, out var leaves)) _leavesOf[field] = leaves = PathsOf(field);
        return leaves;
    }

    private static string[] PathsOf(Field field) => [.. Leaves(field).Select(leaf => leaf.Path.ToString())];

    private static IEnumerable<DataField> Leaves(Field field) => field switch
    {
        DataField data => [data],
        StructField group => group.Fields.SelectMany(Leaves),
        ListField list => Leaves(list.Item),
        MapField map => Leaves(map.Key).Concat(Leaves(map.Value)),
        _ => throw new InvalidDataException($"column {field.Path} has an unknown type"),
    };

    /// <summary>The decoder throws exceptions of any type for corrupt data; all are reported the same way.</summary>
    private T Guard<T>(Func<T> read)
    {
        try
        {
            return read();
        }
#pragma warning disable CA1031 // see above
        catch (Exception damaged) when (damaged is not InputException)
#pragma warning restore CA1031
        {
            throw Damaged(damaged.Message.ReplaceLineEndings(" ").TrimEnd('.'), damaged);
        }
    }

    private InputException Damaged(string what, Exception? cause) =>
        new($"{_name}, near record {Number + 1}: the Parquet data is corrupt "
        + $"or truncated ({what}); download it again.", cause!);

    public void Dispose()
    {
        foreach (var leaf in _leaves.Values) leaf.Dispose();
        _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _writer.Dispose();
        if (_stream is FileStream { Name: var path } && path.StartsWith(Path.GetTempPath(), StringComparison.Ordinal))
            _stream.Dispose();
    }
}
