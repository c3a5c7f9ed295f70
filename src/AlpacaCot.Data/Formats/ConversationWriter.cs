using System.Buffers;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using ZstdSharp;

namespace AlpacaCot.Data.Formats;

/// <summary>Writes conversations to files that <see cref="InstructionFile"/> and other common tools can read.</summary>
public static class ConversationWriter
{
    /// <summary>Names of the supported output formats.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["alpaca", "sharegpt", "openai", "preference"];

    private static readonly JsonWriterOptions Readable = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000, SkipValidation = true,
    };

    /// <summary>
    /// Writes all conversations in order, atomically. The file extension selects the container: <c>.json</c> (an array),
    /// <c>.jsonl</c>, <c>.csv</c>, <c>.tsv</c> or <c>.parquet</c>, optionally followed by <c>.gz</c> or <c>.zst</c> for
    /// compression. Metadata becomes fields; in tables each is a column, as JSON text if a value is not a string. Memory use is a
    /// few records; tables, whose columns are known only at the end, are buffered in a temporary file beside the target.
    /// </summary>
    /// <param name="path">The output file; its folder is created if needed.</param>
    /// <param name="conversations">The conversations to write.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="onBad">
    /// Called for each conversation that the format cannot represent, which is then skipped; null: throw instead.
    /// </param>
    /// <returns>Number of conversations written.</returns>
    /// <exception cref="InputException">
    /// The format or the file extension is unknown, or a conversation cannot be represented.
    /// </exception>
    public static long Write(string path, IEnumerable<Conversation> conversations, string format, Action<string>? onBad = null)
    {
        Check(path, format);
        var count = 0L;
        var records = Records(conversations, format, onBad, () => count++);
        var (container, packing) = Container(path);
        AtomicFile.Write(path, file =>
        {
            if (container is ".json" or ".jsonl")
            {
                Packed(file, packing, packed => WriteJson(packed, records, isArray: container == ".json"));
                return;
            }
            using var spool = new RecordSpool(Path.GetDirectoryName(Path.GetFullPath(path))!);
            foreach (var record in records) spool.Add(record.Span);
            if (container != ".parquet")
                Packed(file, packing, packed => TableWriter.Write(packed, spool, container == ".tsv" ? (byte)'\t' : (byte)','));
            else if (packing.Length == 0) ParquetTable.Write(file, spool);
            else
            {
                using var plain = RecordSpool.TemporaryFile(Path.GetDirectoryName(Path.GetFullPath(path))!);
                ParquetTable.Write(plain, spool);
                plain.Position = 0;
                Packed(file, packing, plain.CopyTo);
            }
        });
        return count;
    }

    /// <summary>Validates path and format without writing.</summary>
    /// <exception cref="InputException">The format or the file extension is unknown.</exception>
    public static void Check(string path, string format)
    {
        if (!Formats.Contains(format))
            throw new InputException($"\"{format}\" is not an output format. {Spelling.Suggestion(format, [.. Formats])}");
        if (Container(path).Container is not (".json" or ".jsonl" or ".csv" or ".tsv" or ".parquet"))
            throw new InputException($"{path}: unknown file extension; use .json, .jsonl, .csv, .tsv or "
                + ".parquet, optionally followed by .gz or .zst.");
    }

    private static (string Container, string Packing) Container(string path)
    {
        var packing = Path.GetExtension(path).ToLowerInvariant();
        if (packing is not (".gz" or ".zst")) packing = "";
        var container = Path.GetExtension(path[..^packing.Length]).ToLowerInvariant();
        return (container == ".ndjson" ? ".jsonl" : container, packing);
    }

    private static void Packed(FileStream file, string packing, Action<Stream> write)
    {
        Stream? packed = packing switch
        {
            ".gz" => new GZipStream(file, CompressionLevel.Optimal, leaveOpen: true),
            ".zst" => new CompressionStream(file, level: 3, leaveOpen: true),
            _ => null,
        };
        using (packed) write(packed ?? file);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Records(IEnumerable<Conversation> conversations, string format,
        Action<string>? onBad, Action counted)
    {
        var buffer = new ArrayBufferWriter<byte>(1 << 14);
        using var json = new Utf8JsonWriter(buffer, Readable);
        foreach (var conversation in conversations)
        {
            if (RecordWriter.Problem(conversation, format) is { } problem)
            {
                var message = $"{(conversation.Origin.Length > 0 ? conversation.Origin : "a conversation")}: {problem}.";
                if (onBad is null) throw new InputException(message);
                onBad(message);
                continue;
            }
            buffer.ResetWrittenCount();
            json.Reset(buffer);
            RecordWriter.Write(json, conversation, format);
            json.Flush();
            counted();
            yield return buffer.WrittenMemory;
        }
    }

    private static void WriteJson(Stream stream, IEnumerable<ReadOnlyMemory<byte>> records, bool isArray)
    {
        var first = true;
        foreach (var record in records)
        {
            if (isArray) stream.Write(first ? "[\n"u8 : ",\n"u8);
            stream.Write(record.Span);
            if (!isArray) stream.Write("\n"u8);
            first = false;
        }
        if (isArray) stream.Write(first ? "[]\n"u8 : "\n]\n"u8);
    }
}
