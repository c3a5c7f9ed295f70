using System.Buffers;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads JSON objects that hold many records as these records: a field with the list (<c>{"data": [...]}</c>), the layouts of
/// pandas (<c>columns</c>, <c>index</c>, <c>split</c>, <c>table</c>), and columns as lists. Other records pass unchanged.
/// </summary>
internal sealed class FoldedRecords(IRecordCursor records, string name, ReadOptions options) : IRecordCursor
{
    private readonly ArrayBufferWriter<byte> _json = new(4096);
    private IEnumerator<Action<Utf8JsonWriter>>? _rows;
    private string? _layout;
    private long _number;
    private bool _peeked, _hasRecord;

    public string Container => (_layout ?? Look()) is { Length: > 0 } layout ? "JSON" + layout : records.Container;
    public bool IsTable => false;
    public long Number => _layout is { Length: > 0 } ? _number : records.Number;
    public string Location => _layout is { Length: > 0 } ? $"{name}, record {_number}" : records.Location;
    public ReadOnlySpan<byte> Current => _rows is null ? records.Current : _json.WrittenSpan;
    public string? Problem => _rows is null ? records.Problem : null;

    public bool MoveNext()
    {
        if (_layout is null) Look();
        while (true)
        {
            if (_rows is not null)
            {
                if (_rows.MoveNext())
                {
                    _json.ResetWrittenCount();
                    using var writer = new Utf8JsonWriter(_json,
                        new JsonWriterOptions { SkipValidation = true, MaxDepth = 1000 });
                    _rows.Current(writer);
                    writer.Flush();
                    _number++;
                    return true;
                }
                _rows.Dispose();
                _rows = null;
                if (records.MoveNext())
                    throw new InputException($"{records.Location}: the file holds its records in one JSON object, but more text "
                        + "follows it. Correct the file at this line.");
                return false;
            }
            if (!_peeked) return records.MoveNext();
            _peeked = false;
            return _hasRecord;
        }
    }

    // The first record tells the layout.
    private string Look()
    {
        (_layout, _peeked) = ("", true);
        _hasRecord = records.MoveNext();
        if (!_hasRecord || records.Problem is not null || JsonText.Read(records.Current, out var root) is not null
            || root.ValueKind != JsonValueKind.Object || !root.EnumerateObject().Any()) return _layout;
        if (Split(root) is { } split) return Rows(" in columns, index, data", split);
        if (RecordFormats.Of(records.Current, options, null, false, out var refusal) is not null || refusal is not null)
            return Columns(root) is { } mapped ? Rows(" by columns", mapped) : _layout;
        if (Columns(root) is { } columns) return Rows(" by columns", columns);
        if (Index(root) is { } index) return Rows(" by index", index);
        var lists = root.EnumerateObject().Where(field => IsListOfRecords(field.Value)).ToList();
        if (lists.Count > 1)
            throw new InputException($"{name}: the file holds several lists of records: "
                + $"{string.Join(", ", lists.Select(list => list.Name))}. Write the one to read to a file of its own, for "
                    + "example: "
                + $"jq \".{lists[0].Name}\" {name} > {lists[0].Name}.json");
        return lists is [var only] ? Rows($" in \"{only.Name}\"", only.Value.EnumerateArray().Select(Copy)) : _layout;
    }

    private string Rows(string layout, IEnumerable<Action<Utf8JsonWriter>> rows)
    {
        (_layout, _peeked, _rows) = (layout, false, rows.GetEnumerator());
        return layout;
    }

    private bool IsListOfRecords(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0 || list[0].ValueKind != JsonValueKind.Object)
            return false;
        return RecordFormats.Of(JsonSerializer.SerializeToUtf8Bytes(list[0]), options, null, false, out var refusal) is not null
            || refusal is not null;
    }

    // pandas, orient="split": {"columns": ["a", "b"], "index": [0], "data": [[1, 2]]}
    private static IEnumerable<Action<Utf8JsonWriter>>? Split(JsonElement root)
    {
        if (!root.TryGetProperty("columns", out var names) || names.ValueKind != JsonValueKind.Array
            || !names.EnumerateArray().All(name => name.ValueKind == JsonValueKind.String)
            || !root.TryGetProperty("data", out var rows) || rows.ValueKind != JsonValueKind.Array
            || !rows.EnumerateArray().All(row => row.ValueKind == JsonValueKind.Array
                && row.GetArrayLength() == names.GetArrayLength()))
            return null;
        string[] columns = [.. names.EnumerateArray().Select(name => name.GetString()!)];
        return rows.EnumerateArray().Select(row => Row(columns.Zip(row.EnumerateArray())));
    }

    // pandas, orient="columns": {"a": {"0": 1, "1": 2}, "b": {...}}; datasets' to_dict: {"a": [1, 2], "b": [...]}
    private static IEnumerable<Action<Utf8JsonWriter>>? Columns(JsonElement root)
    {
        var columns = root.EnumerateObject().ToList();
        var first = columns[0].Value;
        if (first.ValueKind == JsonValueKind.Object)
        {
            string[] keys = [.. first.EnumerateObject().Select(cell => cell.Name)];
            if (keys.Length == 0 || !keys.All(IsNumber)
                || !columns.TrueForAll(column => column.Value.ValueKind == JsonValueKind.Object
                && column.Value.EnumerateObject().Select(cell => cell.Name).SequenceEqual(keys)))
                return null;
            return keys.Select(key => Row(columns.Select(column => (column.Name, column.Value.GetProperty(key)))));
        }
        if (columns.Count < 2 || !columns.TrueForAll(column => column.Value.ValueKind == JsonValueKind.Array
            && column.Value.GetArrayLength() == first.GetArrayLength() && column.Value.GetArrayLength() > 0)
            || !columns.Exists(column => FieldRoles.Names.Contains(column.Name)
                && column.Value.EnumerateArray().All(cell => cell.ValueKind is JsonValueKind.String or JsonValueKind.Null)))
            return null;
        return Enumerable.Range(0, first.GetArrayLength())
            .Select(i => Row(columns.Select(column => (column.Name, column.Value[i]))));
    }

    // pandas, orient="index": {"0": {"a": 1}, "1": {"a": 2}}
    private static IEnumerable<Action<Utf8JsonWriter>>? Index(JsonElement root) =>
        root.EnumerateObject().All(row => IsNumber(row.Name) && row.Value.ValueKind == JsonValueKind.Object)
            ? root.EnumerateObject().Select(row => Copy(row.Value)) : null;

    private static bool IsNumber(string text) => text.Length > 0 && text.All(char.IsAsciiDigit);

    private static Action<Utf8JsonWriter> Copy(JsonElement record) => record.WriteTo;

    private static Action<Utf8JsonWriter> Row(IEnumerable<(string Name, JsonElement Value)> cells)
    {
        var row = cells.ToList();
        return json =>
        {
            json.WriteStartObject();
            foreach (var (name, value) in row)
            {
                json.WritePropertyName(name);
                value.WriteTo(json);
            }
            json.WriteEndObject();
        };
    }

    public void Dispose()
    {
        _rows?.Dispose();
        records.Dispose();
    }
}
