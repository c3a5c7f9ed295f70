using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads the records of a file as they stand there, for converters that give them a meaning of their own. The content says what
/// the file is: a JSON array, JSON lines, CSV, TSV (the first row names the columns) or Parquet, plain or packed with gzip or
/// zstd; a file called <c>.txt</c> that is none of these is text, one record a line.
/// </summary>
public static class RecordFile
{
    /// <summary>Reads a file record by record: memory holds a few records (of Parquet: a row group), never the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What to do about bad records; by default the first one is an error.</param>
    /// <exception cref="InputException">
    /// There is no such file (at once), or, while the records are enumerated, it or one of its records cannot be read.
    /// </exception>
    public static IEnumerable<RawRecord> Read(string path, ReadOptions? options = null)
    {
        CheckExists(path);
        return ReadFile(path, options ?? new());
    }

    private static IEnumerable<RawRecord> ReadFile(string path, ReadOptions options)
    {
        using var file = Open(path);
        using var records = Cursor(file, path, options, out _);
        while (records.MoveNext())
        {
            var value = default(System.Text.Json.JsonElement);
            if ((records.Problem ?? JsonText.Read(records.Current, out value)) is { } problem)
                options.Refuse(records.Place, problem);
            else yield return new RawRecord(value, records.Number, path);
        }
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

    /// <summary>Recognises what a stream holds and begins to read it.</summary>
    /// <param name="stream">The bytes, perhaps packed; not disposed.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">Limits, and a format that may be forced.</param>
    /// <param name="description">The container and its packing, for the log: <c>JSON lines, gzip</c>.</param>
    internal static IRecordCursor Cursor(Stream stream, string name, ReadOptions options, out string description)
    {
        var origin = stream.CanSeek ? stream.Position : -1;
        Stream unpacked;
        string packing;
        byte[] head;
        try
        {
            unpacked = Unpacking.Open(stream, options.LargestExpansion, out head, out packing);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or IOException)
        {
            throw new InputException($"{name}: {damaged.Message}.", damaged);
        }
        var records = Cursor(stream, origin, unpacked, head, name, options);
        description = records.Container + (packing.Length > 0 ? $", {packing}" : "");
        return records;
    }

    private static IRecordCursor Cursor(Stream stream, long origin, Stream unpacked, byte[] head, string name,
        ReadOptions options)
    {
        if (FileKind.IsParquet(head)) return ParquetRecords.Open(stream, origin, unpacked, name, options);
        if (FileKind.WhyNotText(head) is { } why) throw new InputException($"{name}: {why}.");
        ReadOnlySpan<byte> text = head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? head.AsSpan(3) : head;
        if (FileKind.IsJson(text)) return new JsonRecords(unpacked, name, options.LargestRecord);
        if (IsText(name) || options.Format == "text") return new LineRecords(unpacked, name, options.LargestRecord);
        return new TableRecords(unpacked, name, head, options.LargestRecord);
    }

    private static bool IsText(string name)
    {
        var extension = Path.GetExtension(name).ToLowerInvariant();
        return extension is ".gz" or ".zst" ? IsText(name[..^extension.Length]) : extension == ".txt";
    }
}
