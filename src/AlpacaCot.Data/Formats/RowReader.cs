using System.Buffers;
using System.Text.Unicode;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>The meaning of quotes in a table.</summary>
internal enum Quoting
{
    /// <summary>
    /// RFC 4180: a cell is inside quotes as a whole or not at all; empty lines are skipped. Between tabs, where many programs
    /// write quotes as text, a quote that cannot be meant so is text; between commas it is a problem of its row. It never merges
    /// rows.
    /// </summary>
    Standard,

    /// <summary>
    /// Python's <c>csv.reader</c>: text after a closing quote belongs to the cell, the end of the file closes an open quote, line
    /// ends inside quotes become <c>\n</c>, and an empty line is a row.
    /// </summary>
    Python,

    /// <summary>Quotes are text, and an empty line is a row.</summary>
    None,
}

/// <summary>A cell of the current row: a range of its text.</summary>
/// <param name="Start">The first byte.</param>
/// <param name="Length">The number of bytes, quotes and doubled quotes removed.</param>
/// <param name="Quoted">Whether it was in quotes.</param>
internal readonly record struct RowCell(int Start, int Length, bool Quoted);

/// <summary>Reads the rows of a delimited file, one at a time, in memory bounded by the largest row.</summary>
/// <remarks>
/// It works on bytes: it knows the line of each row and which row is not UTF-8, and continues after an invalid row. Sep 0.17
/// was evaluated instead: it is as fast (100 MB in 0.1 s, both), but ends with an exception at the first row of more than
/// 16,777,216 characters, accepts text after a closing quote and an unclosed quote, and reads decoded characters, so the row
/// of an invalid byte is unknown.
/// </remarks>
internal sealed class RowReader : IDisposable
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly byte _separator;
    private readonly Quoting _quoting;
    private readonly int _largestRow;
    private readonly List<RowCell> _cells = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private byte[] _text = new byte[4096];
    private int _start, _end, _used;
    private long _line = 1;
    private bool _ended;
    private int _row = -1;      // where the current row begins in the buffer, while it can be read again
    private int _columns;       // of the header
    private bool _isOpen, _spansLines, _isStray;

    /// <summary>Starts reading; a byte order mark is skipped.</summary>
    /// <param name="stream">UTF-8 bytes, not compressed; owned.</param>
    /// <param name="name">The stream's name in messages.</param>
    /// <param name="separator">The byte between two cells.</param>
    /// <param name="quoting">The meaning of quotes.</param>
    /// <param name="largestRow">The maximum size of a row in bytes.</param>
    /// <param name="header">Whether the first row names the columns, so that it is not counted as a record.</param>
    public RowReader(Stream stream, string name, byte separator, Quoting quoting, int largestRow, bool header)
    {
        (_stream, _name, _separator, _quoting, _largestRow) = (stream, name, separator, quoting, largestRow);
        Number = header ? -1 : 0;
        Fill();
        if (_buffer.AsSpan(_start, _end - _start).StartsWith(FileKind.Mark)) _start = 3;
    }

    /// <summary>The number of the current row, counted from 1; 0 for the header.</summary>
    public long Number { get; private set; }

    /// <summary>The line at which the current row begins, counted from 1.</summary>
    public long Line { get; private set; }

    /// <summary>The cells of the current row.</summary>
    public List<RowCell> Cells => _cells;

    /// <summary>Why the current row cannot be used; null where it can.</summary>
    public string? Problem { get; private set; }

    /// <summary>The text of a cell of the current row, UTF-8.</summary>
    public ReadOnlySpan<byte> Text(RowCell cell) => _text.AsSpan(cell.Start, cell.Length);

    /// <summary>Reads the next row; false at the end of the file.</summary>
    /// <exception cref="InputException">The file cannot be read, or ends inside quotes.</exception>
    public bool Read()
    {
        Problem = null;
        _cells.Clear();
        _used = 0;
        if (_quoting == Quoting.Standard)
            while (Peek() is '\n' or '\r') Take();
        Line = _line;
        if (Peek() < 0) return false;
        (_isOpen, _spansLines, _isStray) = (false, false, false);
        if (_quoting == Quoting.Standard) _row = _start;
        ReadCells(_quoting != Quoting.None);
        if (_isOpen || _spansLines || Problem is not null) Reconsider();
        _row = -1;
        if (_used >= _largestRow) Problem ??= $"it is larger than {_largestRow >> 20} MB, the most that a record may have";
        else if (!Utf8.IsValid(_text.AsSpan(0, _used))) Problem ??= "it contains bytes that are not valid UTF-8";
        if (Number++ < 0) _columns = _cells.Count;
        return true;
    }

    /// <summary>Reads the next row as the header, in place of the one before it.</summary>
    public void ReadHeader()
    {
        Number = -1;
        Read();
    }

    private void ReadCells(bool quotes)
    {
        while (true)
        {
            ReadCell(quotes);
            if (Peek() != _separator) break;
            Take();
        }
        if (Peek() == '\r') Take();
        if (Peek() == '\n') Take();
    }

    /// <summary>Decides about a row with a quote that may be text, or that may have been forgotten.</summary>
    private void Reconsider()
    {
        var raw = _row < 0 ? default : _buffer.AsSpan(_row, _start - _row);
        var quotesMayBeText = _separator == '\t' && _row >= 0;
        if (_isOpen && !(quotesMayBeText && raw.EndsWith("\n"u8)))
            throw new InputException($"{_name}, record {Math.Max(1, Number + 1)} (line {Line}): the file ends inside the "
                + "quotes of this record. It was cut short, or a quote is missing: correct the file there.");
        if (Problem is null && !_isOpen && !(_columns > 1 && EachLineIsARow(raw) && (_isStray || quotesMayBeText))) return;
        if (quotesMayBeText && (_isOpen || Problem is not null || _isStray))
        {
            (_start, _line, _used, Problem) = (_row, Line, 0, null);
            _cells.Clear();
            ReadCells(quotes: false);
            return;
        }
        Problem ??= $"a quote opens a cell that ends {raw.Count((byte)'\n') - 1} lines further down, and each of these lines has "
            + $"the {_columns} cells of a row; write a quote that is text as \"\"\"\", or such a cell as JSON lines";
        // The lines behind it are rows by themselves.
        if (_spansLines && raw.IndexOf((byte)'\n') is >= 0 and var first) (_start, _line) = (_row + first + 1, Line + 1);
    }

    private bool EachLineIsARow(ReadOnlySpan<byte> raw)
    {
        if (raw.EndsWith("\n"u8)) raw = raw[..^1];
        if (!raw.Contains((byte)'\n')) return false;
        foreach (var line in raw.Split((byte)'\n'))
            if (raw[line].Count(_separator) != _columns - 1) return false;
        return true;
    }

    private void ReadCell(bool quotes)
    {
        var (start, quoted) = (_used, quotes && Peek() == '"');
        if (quoted) ReadQuoted();
        if (!quoted || _quoting == Quoting.Python) CopyUpTo(_separator, (byte)'\n', (byte)'\r');
        _cells.Add(new(start, _used - start, quoted));
        // A cell that begins with a separator, or ends with one or with a line: both quotes stand where a cell begins.
        if (quoted && _used > start)
            _isStray |= _text[start] == _separator || _text[_used - 1] == _separator || _text[_used - 1] == '\n';
        if (quoted && Peek() is >= 0 and not ('\n' or '\r') and var next && next != _separator)
        {
            Problem ??= "there is text after a closing quote; a quote inside quotes is written twice";
            CopyUpTo((byte)'\n', (byte)'\n', (byte)'\r');
        }
    }

    private void ReadQuoted()
    {
        var lineEnd = _quoting == Quoting.Python ? (byte)'\r' : (byte)'"';
        var line = _line;
        Take();
        while (true)
        {
            CopyUpTo((byte)'"', lineEnd, lineEnd);
            var found = Peek();
            if (found < 0 && _quoting == Quoting.Python) return;
            if (found < 0)
            {
                _isOpen = true;
                return;
            }
            _spansLines |= _line > line;
            Take();
            if (found == '\r')
            {
                if (Peek() != '\n') Append([(byte)'\n']);
                continue;
            }
            if (Peek() != '"') return;
            Append([(byte)'"']);
            Take();
        }
    }

    /// <summary>Copies the bytes up to the next of three bytes, or to the end of the stream.</summary>
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

    // Only the beginning of an oversized row is kept, so that memory stays bounded.
    private void Append(ReadOnlySpan<byte> part)
    {
        if (part.Length > _largestRow - _used) part = part[..Math.Max(0, _largestRow - _used)];
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
        // The bytes of a row that may be read again are kept, up to the size of the largest row.
        var kept = _row < 0 || _end - _row >= _largestRow ? 0 : _end - _row;
        if (kept == 0) _row = -1;
        else if (kept == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(2 * kept);
            _buffer.AsSpan(0, kept).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        else _buffer.AsSpan(_row, kept).CopyTo(_buffer);
        if (_row >= 0) _row = 0;
        try
        {
            (_start, _end) = (kept, kept + _stream.Read(_buffer, kept, _buffer.Length - kept));
        }
        catch (InvalidDataException damaged)
        {
            throw new InputException($"{_name}, near record {Math.Max(1, Number + 1)}: {damaged.Message}.", damaged);
        }
        catch (IOException failed)
        {
            throw new InputException($"{_name}: reading failed near record {Math.Max(1, Number + 1)}: {failed.Message}", failed);
        }
        _ended = _end == kept;
        return !_ended;
    }

    /// <summary>Closes the stream.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end, _ended) = ([], 0, 0, true);
    }
}
