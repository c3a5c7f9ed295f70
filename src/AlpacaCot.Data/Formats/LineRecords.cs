using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Reads plain text as one record per line: <c>{"text": ...}</c>. Empty lines are skipped.</summary>
internal sealed class LineRecords(Stream stream, string name, int largestRecord) : IRecordCursor
{
    private byte[] _buffer = new byte[64 * 1024];
    private byte[] _json = [];
    private int _start, _end;
    private long _line;
    private bool _ended;

    public string Container => "text lines";
    public bool IsTable => false;
    public long Number { get; private set; }
    public string Location => $"{name}, record {Number} (line {_line})";
    public ReadOnlySpan<byte> Current => _json;
    public string? Problem { get; private set; }

    public bool MoveNext()
    {
        while (NextLine() is { } line)
        {
            var text = _buffer.AsSpan(line);
            if (_line == 1 && text.StartsWith(FileKind.Mark)) text = text[FileKind.Mark.Length..];
            text = text.TrimEnd((byte)'\r');
            if (text.IsEmpty && Problem is null) continue;
            Number++;
            if (Problem is not null) return true;
            if (!System.Text.Unicode.Utf8.IsValid(text)) Problem = "it contains invalid UTF-8";
            else _json = [.. "{\"text\":"u8, .. JsonSerializer.SerializeToUtf8Bytes(System.Text.Encoding.UTF8.GetString(text)),
                (byte)'}'];
            return true;
        }
        return false;
    }

    private Range? NextLine()
    {
        Problem = null;
        _line++;
        while (true)
        {
            if (_buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n') is >= 0 and var length)
            {
                var line = _start..(_start + length);
                _start += length + 1;
                return line;
            }
            if (_ended)
            {
                if (_start == _end && Problem is null) return null;
                var last = _start.._end;
                _start = _end;
                return last;
            }
            if (_end - _start >= largestRecord)
            {
                Problem = $"it exceeds the maximum record size of {largestRecord >> 20} MB";
                _start = _end;   // the rest of the line is skipped below
            }
            Fill();
        }
    }

    private void Fill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (_end == _buffer.Length) Array.Resize(ref _buffer, 2 * _end);
        try
        {
            var count = stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += count;
            _ended = count == 0;
        }
        catch (Exception failed) when (failed is IOException or InvalidDataException)
        {
            throw new InputException($"{name}, near record {Number + 1}: {failed.Message}.", failed);
        }
    }

    public void Dispose() => stream.Dispose();
}
