using System.Buffers;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using ZstdSharp;

namespace AlpacaCot.Data.Formats;

/// <summary>Writes conversations as a file that <see cref="InstructionFile"/> and the field's other tools read.</summary>
public static class ConversationWriter
{
    /// <summary>What can be written.</summary>
    public static IReadOnlyList<string> Formats { get; } = ["alpaca", "sharegpt", "openai", "preference"];

    private static readonly JsonWriterOptions Readable = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 1000, SkipValidation = true,
    };

    /// <summary>
    /// Writes all conversations in their order, whole or not at all. The name says the container: <c>.json</c> (an array),
    /// <c>.jsonl</c>, <c>.csv</c>, <c>.tsv</c> or <c>.parquet</c>, each with <c>.gz</c> or <c>.zst</c> behind it where it is to
    /// be packed. Metadata becomes fields; tables get a column for each, of JSON text where values are no strings. Memory holds
    /// a few records; tables, whose columns are known at the end only, go through a temporary file beside the target.
    /// </summary>
    /// <param name="path">The file to write; its folder is made if absent.</param>
    /// <param name="conversations">What to write.</param>
    /// <param name="format">One of <see cref="Formats"/>.</param>
    /// <param name="onBad">
    /// Told of each conversation that the format cannot hold, which is then left out; null: it is an error.
    /// </param>
    /// <returns>How many were written.</returns>
    /// <exception cref="InputException">
    /// The format or the name's ending is not known, or a conversation cannot be written.
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

    /// <summary>Checks a name and a format before any work is done.</summary>
    /// <exception cref="InputException">The format or the name's ending is not known.</exception>
    public static void Check(string path, string format)
    {
        if (!Formats.Contains(format))
            throw new InputException($"\"{format}\" cannot be written. {Spelling.Suggestion(format, [.. Formats])}");
        if (Container(path).Container is not (".json" or ".jsonl" or ".csv" or ".tsv" or ".parquet"))
            throw new InputException($"{path}: the name does not say what to write; end it with .json, .jsonl, .csv, .tsv or "
                + ".parquet, and .gz or .zst behind that to pack it.");
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
