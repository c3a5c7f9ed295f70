using System.Buffers;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads comma-, semicolon- or tab-separated rows (RFC 4180; the first one names the columns) as objects of strings. An empty
/// cell is a missing field, <c>""</c> an empty one.
/// </summary>
internal sealed class TableRecords : IRecordCursor
{
    private readonly RowReader _rows;
    private readonly string _name;
    private readonly byte _separator;
    private readonly List<string> _columns = [];
    private readonly ArrayBufferWriter<byte> _json = new(4096);
    private readonly Utf8JsonWriter _writer;

    /// <summary>Starts reading and consumes the header row.</summary>
    /// <param name="stream">UTF-8 bytes, not compressed.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <param name="head">The first bytes of the stream, from which the separator is detected.</param>
    /// <param name="largestRecord">The maximum size of a row in bytes.</param>
    public TableRecords(Stream stream, string name, ReadOnlySpan<byte> head, int largestRecord)
    {
        (_name, _separator) = (name, SeparatorOf(head));
        _writer = new Utf8JsonWriter(_json, new JsonWriterOptions { SkipValidation = true });
        _rows = new RowReader(stream, name, _separator, Quoting.Standard, largestRecord, header: true);
        if (!_rows.Read()) throw new InputException($"{_name}: the file is empty.");
        if (_rows.Problem is { } problem) throw new InputException($"{_name}, line 1: {problem}.");
        foreach (var cell in _rows.Cells) _columns.Add(Encoding.UTF8.GetString(_rows.Text(cell)));
        if (_columns.GroupBy(c => c).FirstOrDefault(c => c.Count() > 1) is { } twice)
            throw new InputException($"{_name}, line 1: two columns are called \"{twice.Key}\". Rename one of them.");
    }

    public string Container => _separator == '\t' ? "TSV" : "CSV";
    public bool IsTable => true;
    public long Number => _rows.Number;
    public string Location => $"{_name}, record {Number} (line {_rows.Line})";
    public ReadOnlySpan<byte> Current => _json.WrittenSpan;
    public string? Problem { get; private set; }

    /// <summary>The names of the columns.</summary>
    public IReadOnlyList<string> Columns => _columns;

    private static byte SeparatorOf(ReadOnlySpan<byte> head)
    {
        var line = head.IndexOf((byte)'\n') is >= 0 and var end ? head[..end] : head;
        if (line.Contains((byte)'\t')) return (byte)'\t';
        return !line.Contains((byte)',') && line.Contains((byte)';') ? (byte)';' : (byte)',';
    }

    public bool MoveNext()
    {
        if (!_rows.Read()) return false;
        Problem = _rows.Problem ?? (_rows.Cells.Count == _columns.Count ? null
            : $"it has {_rows.Cells.Count} cells, but there are {_columns.Count} columns ({string.Join(", ", _columns.Take(8))})");
        if (Problem is null) WriteObject();
        return true;
    }

    private void WriteObject()
    {
        _json.ResetWrittenCount();
        _writer.Reset(_json);
        _writer.WriteStartObject();
        for (var i = 0; i < _columns.Count; i++)
            if (_rows.Cells[i] is var cell && (cell.Length > 0 || cell.Quoted)) _writer.WriteString(_columns[i], _rows.Text(cell));
        _writer.WriteEndObject();
        _writer.Flush();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _rows.Dispose();
    }
}
