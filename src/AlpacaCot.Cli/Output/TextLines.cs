using System.Text;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Output;

/// <summary>
/// The lines of a UTF-8 file, read as needed. A line ends with a line feed, with or without a carriage return before it; other
/// separators of Unicode are text. In a <c>.jsonl</c> file each line is one JSON string, so that a text may contain line feeds.
/// </summary>
internal static class TextLines
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static IEnumerable<string> Read(string path, Action<long>? onRead = null)
    {
        if (Directory.Exists(path)) throw new InputException($"{path} is a folder; give a file");
        if (!File.Exists(path)) throw new InputException($"{path}: file not found");
        var json = path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
        return Bytes(path, onRead).Select((line, i) => json ? JsonString(line, path, i + 1) : Text(line, path, i + 1));
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Bytes(string path, Action<long>? onRead)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0);
        var buffer = new byte[1 << 20];
        var (start, end, first) = (0, 0, true);
        while (true)
        {
            var length = buffer.AsSpan(start, end - start).IndexOf((byte)'\n');
            if (length < 0)
            {
                // The line is incomplete: enlarge the buffer and read on.
                if (start > 0) buffer.AsSpan(start, end - start).CopyTo(buffer);
                else if (end == buffer.Length) Array.Resize(ref buffer, buffer.Length * 2);
                (start, end) = (0, end - start);
                var read = file.Read(buffer, end, buffer.Length - end);
                if (first && read == 0 && end == 0) yield break;
                end += read;
                onRead?.Invoke(read);
                if (read > 0) continue;
                if (end > 0) yield return Trim(buffer.AsMemory(0, end), first);
                yield break;
            }
            yield return Trim(buffer.AsMemory(start, length), first);
            start += length + 1;
            first = false;
        }
    }

    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> line, bool first)
    {
        if (line.Span is [.., (byte)'\r']) line = line[..^1];
        return first && line.Span is [0xEF, 0xBB, 0xBF, ..] ? line[3..] : line;
    }

    private static string Text(ReadOnlyMemory<byte> line, string path, int number)
    {
        try
        {
            return Strict.GetString(line.Span);
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"{path}:{number}: this is not UTF-8 text; convert the file, for example "
                + "with iconv -t UTF-8", e);
        }
    }

    private static string JsonString(ReadOnlyMemory<byte> line, string path, int number)
    {
        try
        {
            return JsonSerializer.Deserialize<string>(line.Span) ?? throw new JsonException("null");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"{path}:{number}: found {Shown(line)}, allowed in a .jsonl file is one JSON string per " +
                "line, for example \"a text\\nof two lines\"", e);
        }
    }

    private static string Shown(ReadOnlyMemory<byte> line) =>
        line.Length == 0 ? "an empty line" : Encoding.UTF8.GetString(line.Span[..Math.Min(40, line.Length)]) +
            (line.Length > 40 ? "..." : "");
}
