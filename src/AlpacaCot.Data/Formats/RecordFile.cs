using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads the records of a file in their original form, for converters that interpret them. The format is detected from the
/// content: a JSON array, JSON lines, CSV, TSV (the first row is the header) or Parquet, plain or compressed with gzip or
/// zstd. A <c>.txt</c> file in none of these formats is text, one record per line.
/// </summary>
public static class RecordFile
{
    /// <summary>Reads a file record by record; memory use is a few records (for Parquet: one row group).</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Handling of unusable records; by default the first one throws.</param>
    /// <exception cref="InputException">
    /// Thrown at once: file not found. Thrown during enumeration: the file or one of its records cannot be read.
    /// </exception>
    public static IEnumerable<RawRecord> Read(string path, ReadOptions? options = null)
    {
        CheckExists(path);
        return InputBoundary.Each(path, ReadFile(path, options ?? new()));
    }

    private static IEnumerable<RawRecord> ReadFile(string path, ReadOptions options)
    {
        using var file = Open(path);
        using var records = Cursor(file, path, options, out _);
        var (reported, length) = (0L, file.CanSeek ? file.Length : 0);
        while (records.MoveNext())
        {
            options.Report(file, ref reported);
            var value = default(System.Text.Json.JsonElement);
            if ((records.Problem ?? JsonText.Read(records.Current, out value)) is { } problem)
                options.Refuse(records.Location, problem);
            else yield return new RawRecord(value, records.Number, path);
        }
        options.Report(length, ref reported);
    }

    internal static void CheckExists(string path)
    {
        if (Directory.Exists(path)) throw new InputException($"{path}: is a folder; expected a file.");
        if (!File.Exists(path)) throw new InputException(ReadProblem.OfMissing(path) ?? $"{path}: file not found.");
    }

    internal static FileStream Open(string path)
    {
        try
        {
            return new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw ReadProblem.Explain(refused, path);
        }
    }

    /// <summary>Detects a stream's container and starts reading it.</summary>
    /// <param name="stream">The bytes, possibly compressed; not disposed.</param>
    /// <param name="name">Name of the source in messages.</param>
    /// <param name="options">Limits, and optionally the format.</param>
    /// <param name="description">Container and compression for the log: <c>JSON lines, gzip</c>.</param>
    /// <param name="unfold">Whether a JSON object that holds many records is read as these records.</param>
    internal static IRecordCursor Cursor(Stream stream, string name, ReadOptions options, out string description,
        bool unfold = false)
    {
        var origin = stream.CanSeek ? stream.Position : -1;
        var (unpacked, head, packing) = Unpacked(stream, name, options);
        var records = Cursor(stream, origin, unpacked, head, name, options);
        if (unfold && records is JsonRecords) records = new FoldedRecords(records, name, options);
        description = records.Container + (packing.Length > 0 ? $", {packing}" : "");
        return records;
    }

    private static IRecordCursor Cursor(Stream stream, long origin, Stream unpacked, byte[] head, string name,
        ReadOptions options)
    {
        if (FileKind.IsParquet(head)) return ParquetRecords.Open(stream, origin, unpacked, name, options);
        if (FileKind.WhyNotText(head) is { } why) throw new InputException($"{name}: {why}.");
        var text = FileKind.WithoutMark(head);
        if (FileKind.IsJson(text) || (FileKind.IsJsonString(text) && IsJsonName(name))) return new JsonRecords(unpacked, name,
            options.LargestRecord);
        if (IsText(name) || options.Format == "text") return new LineRecords(unpacked, name, options.LargestRecord);
        return new TableRecords(unpacked, name, head, options.LargestRecord, options.Columns.Values);
    }

    /// <summary>Starts reading a text file whose lines are records whatever they begin with.</summary>
    internal static IRecordCursor Lines(Stream stream, string name, ReadOptions options)
    {
        var (unpacked, head, _) = Unpacked(stream, name, options);
        return FileKind.WhyNotText(head) is { } why ? throw new InputException($"{name}: {why}.")
            : new LineRecords(unpacked, name, options.LargestRecord);
    }

    // The decompressed content, as UTF-8, with its beginning and the names of what was unpacked.
    private static (Stream Unpacked, byte[] Head, string Packing) Unpacked(Stream stream, string name, ReadOptions options)
    {
        try
        {
            var unpacked = Unpacking.Open(stream, options.LargestExpansion, out var head, out var packing);
            return Utf16.Open(unpacked, head, out var decoded) is { } text
                ? (text, decoded, packing.Length > 0 ? $"UTF-16, {packing}" : "UTF-16") : (unpacked, head, packing);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or IOException)
        {
            throw new InputException($"{name}: {damaged.Message}.", damaged);
        }
    }

    /// <summary>Whether a file is plain text by its name.</summary>
    internal static bool IsText(string name) => Extension(name) == ".txt";

    private static bool IsJsonName(string name) => Extension(name) is ".json" or ".jsonl" or ".ndjson";

    private static string Extension(string name)
    {
        var extension = Path.GetExtension(name).ToLowerInvariant();
        return extension is ".gz" or ".zst" ? Extension(name[..^extension.Length]) : extension;
    }
}
