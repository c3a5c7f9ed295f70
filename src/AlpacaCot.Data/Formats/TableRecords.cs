using System.Buffers;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads rows separated by commas, semicolons, tabs or bars (RFC 4180; the first one names the columns) as objects of strings. An
/// empty cell is a missing field, <c>""</c> an empty one.
/// </summary>
internal sealed class TableRecords : IRecordCursor
{
    private readonly RowReader _rows;
    private readonly string _name;
    private readonly byte _separator;
    private readonly List<string> _columns = [];
    private HashSet<string> _textColumns = [];
    private readonly ArrayBufferWriter<byte> _json = new(4096);
    private readonly Utf8JsonWriter _writer;

    /// <summary>Starts reading and consumes the header row.</summary>
    /// <param name="stream">UTF-8 bytes, not compressed.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <param name="head">The first bytes of the stream, from which the separator is detected.</param>
    /// <param name="largestRecord">The maximum size of a row in bytes.</param>
    /// <param name="names">The user's names of columns, which tell the separator.</param>
    public TableRecords(Stream stream, string name, ReadOnlySpan<byte> head, int largestRecord, IEnumerable<string> names)
    {
        (_name, _separator) = (name, SeparatorOf(head, [.. names]));
        _writer = new Utf8JsonWriter(_json, new JsonWriterOptions { SkipValidation = true });
        _rows = new RowReader(stream, name, _separator, Quoting.Standard, largestRecord, header: true);
        if (!_rows.Read()) throw new InputException($"{_name}: the file is empty.");
        if (IsSeparatorLine(head)) _rows.ReadHeader();
        if (_rows.Problem is { } problem) throw new InputException($"{_name}, line {_rows.Line}: {problem}.");
        foreach (var cell in _rows.Cells) _columns.Add(Encoding.UTF8.GetString(_rows.Text(cell)).Trim());
        if (_columns.GroupBy(c => c).FirstOrDefault(c => c.Count() > 1) is { } twice)
            throw new InputException($"{_name}, line {_rows.Line}: two columns are called \"{twice.Key}\". Rename one of them.");
        Columns = _columns.ToDictionary(column => column, _ => JsonValueKind.String);
    }

    public string Container => _separator == '\t' ? "TSV" : "CSV";
    public bool IsTable => true;
    public long Number => _rows.Number;
    public string Location => $"{_name}, record {Number} (line {_rows.Line})";
    public ReadOnlySpan<byte> Current => _json.WrittenSpan;
    public string? Problem { get; private set; }

    /// <summary>The columns, all of text.</summary>
    public IReadOnlyDictionary<string, JsonValueKind> Columns { get; }

    /// <summary>
    /// The columns in which NA, null and the like without quotes mean that there is no value, as pandas reads and writes them; in
    /// other columns they are texts.
    /// </summary>
    public IReadOnlyCollection<string> TextColumns { set => _textColumns = [.. value]; }

    /// <summary>Whether a cell's text means "no value" in tables.</summary>
    public static bool IsNoValue(ReadOnlySpan<byte> text) => text.Length is >= 2 and <= 5
        && (text.SequenceEqual("NA"u8) || text.SequenceEqual("N/A"u8) || text.SequenceEqual("n/a"u8)
            || text.SequenceEqual("#N/A"u8) || text.SequenceEqual("<NA>"u8) || text.SequenceEqual("NaN"u8)
            || text.SequenceEqual("nan"u8) || text.SequenceEqual("NULL"u8) || text.SequenceEqual("null"u8)
            || text.SequenceEqual("None"u8));

    // The separator that gives the most known columns; of equal ones the one that gives the most columns.
    private static byte SeparatorOf(ReadOnlySpan<byte> head, HashSet<string> names)
    {
        head = FileKind.WithoutMark(head);
        if (IsSeparatorLine(head)) return head[4];
        var line = head.IndexOf((byte)'\n') is >= 0 and var end ? head[..end] : head;
        var (best, most) = ((byte)',', (Known: 0, Cells: 1));
        foreach (var separator in "\t,;|"u8)
        {
            var cells = Encoding.UTF8.GetString(line).TrimEnd('\r').Split((char)separator)
                .Select(cell => cell.Trim().Trim('"')).ToList();
            var found = (cells.Count(cell => names.Contains(cell) || FieldRoles.Names.Contains(cell)), cells.Count);
            if (found.Count > 1 && found.CompareTo(most) > 0) (best, most) = (separator, found);
        }
        return best;
    }

    // Excel's first line "sep=;".
    private static bool IsSeparatorLine(ReadOnlySpan<byte> head)
    {
        head = FileKind.WithoutMark(head);
        return head.Length > 5 && head.StartsWith("sep="u8) && head[5] is (byte)'\r' or (byte)'\n';
    }

    public bool MoveNext()
    {
        if (!_rows.Read()) return false;
        Problem = _rows.Problem ?? (_rows.Cells.Count == _columns.Count ? null
            : $"it has {_rows.Cells.Count} cells, but there are {_columns.Count} columns "
                + $"({string.Join(", ", _columns.Take(8))})");
        if (Problem is null) WriteObject();
        return true;
    }

    private void WriteObject()
    {
        _json.ResetWrittenCount();
        _writer.Reset(_json);
        _writer.WriteStartObject();
        for (var i = 0; i < _columns.Count; i++)
        {
            var cell = _rows.Cells[i];
            var text = _rows.Text(cell);
            if (!cell.Quoted && (text.IsEmpty || (IsNoValue(text) && _textColumns.Contains(_columns[i])))) continue;
            _writer.WriteString(_columns[i], text);
        }
        _writer.WriteEndObject();
        _writer.Flush();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _rows.Dispose();
    }
}
