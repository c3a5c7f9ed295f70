using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads comma- or tab-separated rows (RFC 4180; the first one names the columns) as objects of strings. A cell with nothing in
/// it is a missing field, <c>""</c> an empty one. It works on bytes, so that it knows the line of each record and what is not
/// UTF-8.
/// </summary>
internal sealed class TableRecords : IRecordCursor
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly int _largestRecord;
    private readonly byte _separator;
    private readonly List<string> _columns = [];
    private readonly ArrayBufferWriter<byte> _json = new(4096);
    private readonly Utf8JsonWriter _writer;
    private readonly List<(int Start, int Length, bool Quoted)> _cells = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private byte[] _text = new byte[4096];   // of the row's cells, without their quotes
    private int _start, _end, _used;
    private long _line = 1, _firstLine;
    private bool _ended;

    /// <summary>Begins to read: takes the row that names the columns.</summary>
    /// <param name="stream">UTF-8 bytes, not compressed.</param>
    /// <param name="name">What messages call the stream.</param>
    /// <param name="head">What the stream begins with: it shows the separator.</param>
    /// <param name="largestRecord">The most bytes a row may have.</param>
    public TableRecords(Stream stream, string name, ReadOnlySpan<byte> head, int largestRecord)
    {
        (_stream, _name, _largestRecord) = (stream, name, largestRecord);
        _separator = SeparatorOf(head);
        _writer = new Utf8JsonWriter(_json, new JsonWriterOptions { SkipValidation = true });
        Fill();
        if (_buffer.AsSpan(_start, _end - _start).StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) _start = 3;
        if (!ReadRow(out var problem)) throw new InputException($"{_name}: the file is empty.");
        if (problem is not null) throw new InputException($"{_name}, line 1: {problem}.");
        foreach (var (at, length, _) in _cells) _columns.Add(Encoding.UTF8.GetString(_text, at, length));
        if (_columns.GroupBy(c => c).FirstOrDefault(c => c.Count() > 1) is { } twice)
            throw new InputException($"{_name}, line 1: two columns are called \"{twice.Key}\". Rename one of them.");
    }

    public string Container => _separator == '\t' ? "TSV" : "CSV";
    public bool IsTable => true;
    public long Number { get; private set; }
    public string Place => $"{_name}, record {Number} (line {_firstLine})";
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
        if (!ReadRow(out var problem)) return false;
        Number++;
        Problem = problem ?? (_cells.Count == _columns.Count ? null
            : $"it has {_cells.Count} cells, but there are {_columns.Count} columns ({string.Join(", ", _columns.Take(8))})");
        if (Problem is null) WriteObject();
        return true;
    }

    private void WriteObject()
    {
        _json.ResetWrittenCount();
        _writer.Reset(_json);
        _writer.WriteStartObject();
        for (var i = 0; i < _cells.Count; i++)
        {
            var (at, length, quoted) = _cells[i];
            if (length > 0 || quoted) _writer.WriteString(_columns[i], _text.AsSpan(at, length));
        }
        _writer.WriteEndObject();
        _writer.Flush();
    }

    /// <summary>Reads one row into the cells; false at the end of the file.</summary>
    private bool ReadRow(out string? problem)
    {
        problem = null;
        _cells.Clear();
        _used = 0;
        while (Peek() is '\n' or '\r') Take();   // empty lines are no rows
        _firstLine = _line;
        if (Peek() < 0) return false;
        while (true)
        {
            var (start, quoted) = (_used, Peek() == '"');
            if (quoted) problem ??= ReadQuoted();
            else ReadUntil(stopAtSeparator: true);
            _cells.Add((start, _used - start, quoted));
            if (quoted && Peek() is >= 0 and not ('\n' or '\r') and var next && next != _separator)
            {
                problem ??= "there is text behind a closing quote; a quote inside quotes is written twice";
                ReadUntil(stopAtSeparator: false);
            }
            if (Peek() != _separator) break;
            Take();
        }
        if (Peek() == '\r') Take();
        if (Peek() == '\n') Take();
        if (_used >= _largestRecord) problem ??= $"it is larger than {_largestRecord >> 20} MB, the most that a record may have";
        else if (!Utf8.IsValid(_text.AsSpan(0, _used))) problem ??= "it holds bytes that are not UTF-8";
        return true;
    }

    private string? ReadQuoted()
    {
        Take();
        while (true)
        {
            CopyUpTo((byte)'"', (byte)'"', (byte)'"');
            if (Peek() < 0)
                throw new InputException($"{_name}, record {Number + 1} (line {_firstLine}): the file ends inside the quotes of "
                    + "this record. It was cut short, or a quote is missing: correct the file there.");
            Take();
            if (Peek() != '"') return null;
            Append([(byte)'"']);
            Take();
        }
    }

    private void ReadUntil(bool stopAtSeparator) => CopyUpTo(stopAtSeparator ? _separator : (byte)'\n', (byte)'\n', (byte)'\r');

    /// <summary>Copies what lies before the next of three bytes, or before the end.</summary>
    private void CopyUpTo(byte a, byte b, byte c)
    {
        while (Peek() >= 0)
        {
            var unread = _buffer.AsSpan(_start, _end - _start);
            var at = unread.IndexOfAny(a, b, c);
            var part = at < 0 ? unread : unread[..at];
            Append(part);
            _line += part.Count((byte)'\n');
            _start += part.Length;
            if (at >= 0) return;
        }
    }

    /// <summary>Keeps the row's text; of a row that is too large only the beginning, so that memory stays bounded.</summary>
    private void Append(ReadOnlySpan<byte> part)
    {
        if (part.Length > _largestRecord - _used) part = part[..Math.Max(0, _largestRecord - _used)];
        if (_used + part.Length > _text.Length) Array.Resize(ref _text, Math.Max(2 * _text.Length, _used + part.Length));
        part.CopyTo(_text.AsSpan(_used));
        _used += part.Length;
    }

    private int Peek() => _start < _end || Fill() ? _buffer[_start] : -1;

    private void Take()
    {
        if (_buffer[_start++] == '\n') _line++;
    }

    private bool Fill()
    {
        if (_ended) return false;
        try
        {
            (_start, _end) = (0, _stream.Read(_buffer));
        }
        catch (InvalidDataException damaged)
        {
            throw new InputException($"{_name}, near record {Number + 1}: {damaged.Message}.", damaged);
        }
        catch (IOException failed)
        {
            throw new InputException($"{_name}: reading failed near record {Number + 1}: {failed.Message}", failed);
        }
        _ended = _end == 0;
        return !_ended;
    }

    public void Dispose()
    {
        _writer.Dispose();
        _stream.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end) = ([], 0, 0);
    }
}
