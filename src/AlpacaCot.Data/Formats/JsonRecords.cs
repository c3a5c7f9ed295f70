using System.Buffers;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Splits a stream of UTF-8 JSON into records: the elements of one array, or consecutive values (JSON Lines, indented or
/// not). The buffer grows only to the largest record, so memory use does not depend on the file size.
/// </summary>
internal sealed class JsonRecords : IRecordCursor
{
    private readonly Stream _stream;
    private readonly string _name;
    private readonly bool _isArray;
    private readonly int _largestRecord;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
    private int _start, _end;   // unconsumed bytes: buffer[start..end]
    private int _length;       // of the current record, at start
    private long _line = 1;    // of buffer[start]
    private bool _ended, _closed;

    /// <summary>Starts reading; throws if the stream is empty.</summary>
    /// <param name="stream">Uncompressed UTF-8 bytes.</param>
    /// <param name="name">Name of the source in messages: the path as the user passed it.</param>
    /// <param name="largestRecord">Maximum size of a record in bytes.</param>
    public JsonRecords(Stream stream, string name, int largestRecord)
    {
        (_stream, _name, _largestRecord) = (stream, name, largestRecord);
        Fill();
        if (Unread.StartsWith(FileKind.Mark)) _start = 3;
        if (!SkipSpace()) throw new InputException($"{_name}: the file is empty.");
        _isArray = _buffer[_start] == '[';
        if (_isArray) Advance(1);
    }

    public string Container => _isArray ? "JSON array" : "JSON lines";

    public bool IsTable => false;

    public long Number { get; private set; }

    /// <summary>One-based line of the current record's start, or of its <see cref="Problem"/>.</summary>
    public long Line { get; private set; }

    public ReadOnlySpan<byte> Current => _buffer.AsSpan(_start, _length);

    public string? Problem { get; private set; }

    public string Location => $"{_name}, record {Number} (line {Line})";

    private ReadOnlySpan<byte> Unread => _buffer.AsSpan(_start, _end - _start);

    public bool MoveNext()
    {
        Advance(_length);
        (_length, Problem) = (0, null);
        if (_closed) return false;
        if (_isArray ? !GoToElement() : !SkipSpace()) return false;
        Number++;
        Line = _line;
        FindEnd();
        return true;
    }

    private bool GoToElement()
    {
        if (!SkipSpace()) throw Cut();
        var comma = _buffer[_start] == ',';
        if (comma && Number > 0)
        {
            Advance(1);
            if (!SkipSpace()) throw Cut();
        }
        if (_buffer[_start] != ']')
            return comma || Number == 0 ? true : throw Broken($"a comma is missing between records {Number} and {Number + 1}");
        if (comma) throw Broken("extra comma before the closing bracket");
        Advance(1);
        _closed = true;
        return !SkipSpace() ? false : throw Broken("unexpected text after the end of the array");

        InputException Cut() => new($"{_name}: the file ends after record {Number} (line {_line}), before its array is closed. "
            + "It is truncated; write or download it again.");
        InputException Broken(string what) => new($"{_name}, line {_line}: {what}. Correct the file at this line.");
    }

    /// <summary>Sets the length of the current record. Scanning resumes at the previous block: each byte is read once.</summary>
    private void FindEnd()
    {
        while (!TryFindEnd()) { }
    }

    /// <summary>As <see cref="FindEnd"/>; false if the record was changed and has to be read again.</summary>
    private bool TryFindEnd()
    {
        var state = new JsonReaderState();
        var scanned = 0;
        try
        {
            while (!Scan(Unread[scanned..], ref state, ref scanned))
            {
                if (Unread.Length >= _largestRecord)
                {
                    SkipLarge();
                    return true;
                }
                if (!Fill()) throw CutInside();
            }
            _length = scanned;
        }
        catch (JsonException broken)
        {
            if (ReplaceNotNumbers()) return false;
            Line = _line + (broken.LineNumber ?? 0);
            Problem = "this is not valid JSON: " + JsonMessages.WithoutPosition(broken);
            if (_isArray)
                throw new InputException($"{Location}: {Problem} In an array the next record cannot be located; "
                    + "correct the file at this line.");
            SkipToNextLine();
        }
        return true;
    }

    private InputException CutInside() => new($"{Location}: the file ends in the middle of this record. "
        + "It is truncated; write or download it again.");

    /// <summary>Skips a record that exceeds the maximum size, by counting its brackets.</summary>
    private void SkipLarge()
    {
        Problem = $"it exceeds the maximum record size of {_largestRecord >> 20} MB"
            + (Number > 1 || _isArray ? ""
                : "; if it is one object that holds all records, write them as JSON lines, for example with "
                + "jq -c \".data[]\"");
        var (depth, inString, escaped) = (0, false, false);
        while (true)
        {
            for (var i = _start; i < _end; i++)
            {
                var c = _buffer[i];
                if (escaped) escaped = false;
                else if (inString && c == '\\') escaped = true;
                else if (c == '"') inString = !inString;
                else if (!inString && c is (byte)'{' or (byte)'[') depth++;
                else if (!inString && c is (byte)'}' or (byte)']') depth--;
                else continue;
                if (depth > 0 || inString) continue;
                Advance(i + 1 - _start);
                return;
            }
            Advance(_end - _start);
            if (!Fill()) throw CutInside();
        }
    }

    /// <summary>
    /// Replaces NaN and Infinity, which Python writes though JSON has no such numbers, in the bytes of the current record that
    /// are in the buffer: NaN by null, Infinity by its name in quotes. Returns whether there were any.
    /// </summary>
    private bool ReplaceNotNumbers()
    {
        var (depth, inString, copied) = (0, false, _start);
        List<byte>? replaced = null;
        var i = _start;
        for (; i < _end; i++)
        {
            var c = _buffer[i];
            if (inString)
            {
                // A line ends inside no string: the quotes of this record are wrong, so nothing in it can be told apart.
                if (c == '\n') return false;
                if (c == '\\') i++;
                else if (c == '"') inString = false;
                continue;
            }
            if (c == '"') inString = true;
            else if (c is (byte)'{' or (byte)'[') depth++;
            else if (c is (byte)'}' or (byte)']' && --depth <= 0) break;
            else if (c is (byte)'N' or (byte)'I' && depth > 0)
            {
                if (i > _end - 8 && Fill()) return ReplaceNotNumbers();
                var rest = _buffer.AsSpan(i, _end - i);
                var minus = i > _start && _buffer[i - 1] == '-';
                var (length, value) = rest.StartsWith("NaN"u8) ? (3, "null")
                    : rest.StartsWith("Infinity"u8) ? (8, minus ? "\"-Infinity\"" : "\"Infinity\"") : (0, "");
                if (length == 0) continue;
                replaced ??= [];
                replaced.AddRange(_buffer.AsSpan(copied, i - copied - (minus ? 1 : 0)));
                replaced.AddRange(System.Text.Encoding.ASCII.GetBytes(value));
                i += length - 1;
                copied = i + 1;
            }
        }
        if (replaced is null) return false;
        replaced.AddRange(_buffer.AsSpan(copied, _end - copied));
        if (replaced.Count > _buffer.Length)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(replaced.Count);
        }
        replaced.CopyTo(_buffer);
        (_start, _end) = (0, replaced.Count);
        return true;
    }

    private static bool Scan(ReadOnlySpan<byte> data, ref JsonReaderState state, ref int scanned)
    {
        var reader = new Utf8JsonReader(data, isFinalBlock: false, state);
        var done = false;
        while (!done && reader.Read())
            done = reader.CurrentDepth == 0 && reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
        state = reader.CurrentState;
        scanned += (int)reader.BytesConsumed;
        return done;
    }

    /// <summary>Skips to the next line that starts with a brace: the next record, in JSON Lines and indented JSON.</summary>
    private void SkipToNextLine()
    {
        while (true)
        {
            if (Unread.IndexOf("\n{"u8) is >= 0 and var at)
            {
                Advance(at + 1);
                return;
            }
            Advance(Unread.Length - (_ended ? 0 : 1));   // the last byte may be the newline
            if (!Fill()) return;
        }
    }

    /// <summary>Skips white space; false at the end.</summary>
    private bool SkipSpace()
    {
        while (true)
        {
            var space = Unread.IndexOfAnyExcept(" \t\r\n"u8);
            Advance(space >= 0 ? space : Unread.Length);
            // Files put together each bring their byte order mark.
            if (space >= 0 && Unread[0] == 0xEF && (Unread.Length >= 3 || Fill() || Unread.Length >= 3)
                && Unread.StartsWith(FileKind.Mark))
            {
                Advance(3);
                continue;
            }
            if (space >= 0) return true;
            if (!Fill()) return false;
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _start, _end, _length) = ([], 0, 0, 0);
    }

    private void Advance(int count)
    {
        _line += _buffer.AsSpan(_start, count).Count((byte)'\n');
        _start += count;
    }

    /// <summary>
    /// Fills the buffer, enlarging it if necessary; false at the end of the stream. Filling it completely and doubling its size
    /// keeps the scan of one very long string linear.
    /// </summary>
    private bool Fill()
    {
        if (_ended) return false;
        if (_start > 0)
        {
            Unread.CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }
        if (_end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(2 * _end);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        try
        {
            while (_end < _buffer.Length)
            {
                var count = _stream.Read(_buffer, _end, _buffer.Length - _end);
                _end += count;
                if (count > 0) continue;
                _ended = true;
                _buffer[_end++] = (byte)' ';   // terminates a number at the end of the file; cannot complete a truncated value
                break;
            }
        }
        catch (InvalidDataException damaged)
        {
            throw new InputException($"{_name}, near record {Number + 1}: {damaged.Message}.", damaged);
        }
        catch (IOException failed)
        {
            throw new InputException($"{_name}: reading failed near record {Number + 1}: {failed.Message}", failed);
        }
        return true;
    }
}
