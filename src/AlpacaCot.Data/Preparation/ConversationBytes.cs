using System.Buffers;
using System.Buffers.Binary;
using System.Collections.ObjectModel;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// Binary serialization of conversations, for temporary files and fingerprints. Each text is its length in UTF-8 bytes (32-bit
/// little-endian) followed by the bytes, so the encoding is injective.
/// </summary>
internal static class ConversationBytes
{
    private static readonly JsonWriterOptions Compact = new() { Indented = false };

    /// <summary>
    /// Writes the content that a fingerprint covers: roles, texts, inputs and fields of the turns in order, and the rejected
    /// rejected answer.
    /// </summary>
    public static void WriteDialogue(ArrayBufferWriter<byte> to, Conversation conversation)
    {
        WriteNumber(to, conversation.Turns.Count);
        foreach (var turn in conversation.Turns)
        {
            to.GetSpan(1)[0] = (byte)turn.Role;
            to.Advance(1);
            WriteText(to, turn.Text);
            WriteText(to, turn.Input);
            WriteFields(to, turn.Metadata);
        }
        WriteNumber(to, conversation.Rejected is null ? 0 : 1);
        if (conversation.Rejected is { } rejected) WriteText(to, rejected);
    }

    /// <summary>Serializes a complete conversation; inverse of <see cref="Read"/>.</summary>
    public static byte[] Write(ArrayBufferWriter<byte> buffer, Conversation conversation)
    {
        buffer.ResetWrittenCount();
        WriteDialogue(buffer, conversation);
        WriteText(buffer, conversation.Origin);
        WriteFields(buffer, conversation.Metadata);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Deserializes the output of <see cref="Write"/>.</summary>
    public static Conversation Read(ReadOnlySpan<byte> bytes)
    {
        var turns = new Turn[ReadNumber(ref bytes)];
        for (var i = 0; i < turns.Length; i++)
        {
            var role = (Role)bytes[0];
            bytes = bytes[1..];
            turns[i] = new Turn(role, ReadText(ref bytes), ReadText(ref bytes)) { Metadata = ReadFields(ref bytes) };
        }
        return new Conversation(turns)
        {
            Rejected = ReadNumber(ref bytes) == 1 ? ReadText(ref bytes) : null,
            Origin = ReadText(ref bytes),
            Metadata = ReadFields(ref bytes),
        };
    }

    // JSON is reformatted, so white space in the source file has no effect.
    private static void WriteFields(ArrayBufferWriter<byte> to, IReadOnlyDictionary<string, JsonElement> fields)
    {
        WriteNumber(to, fields.Count);
        foreach (var (name, value) in fields)
        {
            WriteText(to, name);
            var json = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(json, Compact)) value.WriteTo(writer);
            WriteNumber(to, json.WrittenCount);
            to.Write(json.WrittenSpan);
        }
    }

    private static IReadOnlyDictionary<string, JsonElement> ReadFields(ref ReadOnlySpan<byte> from)
    {
        var count = ReadNumber(ref from);
        if (count == 0) return ReadOnlyDictionary<string, JsonElement>.Empty;
        var fields = new Dictionary<string, JsonElement>(count);
        while (fields.Count < count)
        {
            var name = ReadText(ref from);
            var size = ReadNumber(ref from);
            fields.Add(name, JsonElement.Parse(from[..size]));
            from = from[size..];
        }
        return fields;
    }

    private static void WriteNumber(ArrayBufferWriter<byte> to, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to.GetSpan(4), number);
        to.Advance(4);
    }

    private static void WriteText(ArrayBufferWriter<byte> to, string text)
    {
        var size = Encoding.UTF8.GetByteCount(text);
        WriteNumber(to, size);
        Encoding.UTF8.GetBytes(text, to.GetSpan(size));
        to.Advance(size);
    }

    private static int ReadNumber(ref ReadOnlySpan<byte> from)
    {
        var number = BinaryPrimitives.ReadInt32LittleEndian(from);
        from = from[4..];
        return number;
    }

    private static string ReadText(ref ReadOnlySpan<byte> from)
    {
        var size = ReadNumber(ref from);
        var text = Encoding.UTF8.GetString(from[..size]);
        from = from[size..];
        return text;
    }
}
