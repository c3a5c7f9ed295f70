using System.IO.Compression;
using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>Reads the records of a file as they stand there, for converters that give them a meaning of their own.</summary>
public static class RecordFile
{
    /// <summary>Reads a file record by record: memory holds a few records, never the file.</summary>
    /// <param name="path">The file: a JSON array or JSON lines, plain or gzip.</param>
    /// <param name="options">What to do about bad records; by default the first one is an error.</param>
    /// <exception cref="InputException">
    /// There is no such file (at once), or, while the records are enumerated, it or one of its records cannot be read.
    /// </exception>
    public static IEnumerable<RawRecord> Read(string path, ReadOptions? options = null)
    {
        CheckExists(path);
        return ReadFile(path, options ?? new());
    }

    internal static void CheckExists(string path)
    {
        if (Directory.Exists(path)) throw new InputException($"{path}: this is a folder, expected a file.");
        if (!File.Exists(path)) throw new InputException($"{path}: there is no such file.");
    }

    internal static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: the file cannot be opened: {refused.Message}", refused);
        }
    }

    internal static Stream Unpack(Stream stream)
    {
        Span<byte> head = stackalloc byte[2];
        var origin = stream.Position;
        var isGzip = FileKind.IsGzip(head[..stream.ReadAtLeast(head, 2, throwOnEndOfStream: false)]);
        stream.Position = origin;
        return isGzip ? new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true) : stream;
    }

    private static IEnumerable<RawRecord> ReadFile(string path, ReadOptions options)
    {
        using var file = Open(path);
        var records = new JsonRecords(Unpack(file), path);
        while (records.MoveNext())
        {
            if ((records.Problem ?? JsonText.Problem(records.Current)) is { } problem) options.Refuse(records.Place, problem);
            else yield return new RawRecord(JsonElement.Parse(records.Current), records.Number, path);
        }
    }
}
