using System.Buffers;
using System.Buffers.Binary;
using System.Collections.ObjectModel;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation;

/// <summary>
/// Binary serialization of conversations, for temporary files and fingerprints. Each text is its length in UTF-8 bytes (32-bit
/// little-endian) followed by the bytes, so the encoding is injective.
/// </summary>
internal static class ConversationBytes
{
    private static readonly JsonWriterOptions Compact = new() { Indented = false };

    private const byte HasParts = 0x80;   // flag of a role: a turn with more than text and fields

    private const int NoRejected = 0, RejectedText = 1, RejectedTurns = 2;

    /// <summary>
    /// Writes the content that a fingerprint covers: roles, texts, inputs, parts and fields of the turns in order, the rejected
    /// answer and the tool definitions. What a plain dialogue lacks takes no bytes.
    /// </summary>
    /// <param name="to">The target.</param>
    /// <param name="conversation">The conversation.</param>
    /// <param name="compared">Whether texts are written in Unicode's composed form and calls without their identifiers, to find
    /// equal records.</param>
    public static void WriteDialogue(ArrayBufferWriter<byte> to, Conversation conversation, bool compared = false)
    {
        var hasTools = conversation.Tools.Count > 0;
        WriteNumber(to, hasTools ? ~conversation.Turns.Count : conversation.Turns.Count);
        foreach (var turn in conversation.Turns) WriteTurn(to, turn, compared);
        var rejected = conversation.Rejected;
        var isText = rejected is { Replaces: 1, Turns: [{ Role: Role.Assistant, Input: "", IsPlain: true }] };
        WriteNumber(to, rejected is null ? NoRejected : isText ? RejectedText : RejectedTurns);
        if (isText) WriteText(to, rejected!.Text, compared);
        else if (rejected is not null)
        {
            WriteNumber(to, rejected.Replaces);
            WriteNumber(to, rejected.Turns.Count);
            foreach (var turn in rejected.Turns) WriteTurn(to, turn, compared);
        }
        if (hasTools) WriteList(to, conversation.Tools, tool => WriteJson(to, tool));
    }

    private static void WriteTurn(ArrayBufferWriter<byte> to, Turn turn, bool compared)
    {
        var hasParts = !(turn with { Metadata = ReadOnlyDictionary<string, JsonElement>.Empty }).IsPlain;
        to.GetSpan(1)[0] = (byte)((byte)turn.Role | (hasParts ? HasParts : 0));
        to.Advance(1);
        WriteText(to, turn.Text, compared);
        WriteText(to, turn.Input, compared);
        WriteFields(to, turn.Metadata);
        if (!hasParts) return;
        WriteText(to, turn.Reasoning, compared);
        WriteList(to, turn.Calls, call =>
        {
            WriteText(to, call.Name);
            WriteJson(to, call.Arguments);
            // An identifier only links call and result, so it does not distinguish records.
            WriteText(to, compared ? "" : call.Id);
        });
        WriteList(to, turn.Media, part =>
        {
            WriteText(to, part.Kind);
            WriteNumber(to, part.Number);
            WriteJson(to, part.Content);
        });
        WriteText(to, turn.ToolName);
        WriteText(to, compared ? "" : turn.ToolCallId);
        WriteNumber(to, turn.Learn switch { null => 0, true => 1, false => 2 });
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
        var count = ReadNumber(ref bytes);
        var turns = ReadTurns(ref bytes, count < 0 ? ~count : count);
        RejectedAnswer? rejected = null;
        var form = ReadNumber(ref bytes);
        if (form == RejectedText) rejected = ReadText(ref bytes);
        else if (form == RejectedTurns)
        {
            var replaces = ReadNumber(ref bytes);
            rejected = new RejectedAnswer(ReadTurns(ref bytes, ReadNumber(ref bytes)), replaces);
        }
        var tools = new JsonElement[count < 0 ? ReadNumber(ref bytes) : 0];
        for (var i = 0; i < tools.Length; i++) tools[i] = ReadJson(ref bytes);
        return new Conversation(turns)
        {
            Rejected = rejected, Tools = tools, Origin = ReadText(ref bytes), Metadata = ReadFields(ref bytes),
        };
    }

    private static Turn[] ReadTurns(ref ReadOnlySpan<byte> bytes, int count)
    {
        var turns = new Turn[count];
        for (var i = 0; i < turns.Length; i++)
        {
            var (role, hasParts) = ((Role)(bytes[0] & ~HasParts), (bytes[0] & HasParts) != 0);
            bytes = bytes[1..];
            turns[i] = new Turn(role, ReadText(ref bytes), ReadText(ref bytes)) { Metadata = ReadFields(ref bytes) };
            if (hasParts) turns[i] = WithParts(turns[i], ref bytes);
        }
        return turns;
    }

    private static Turn WithParts(Turn turn, ref ReadOnlySpan<byte> bytes)
    {
        var reasoning = ReadText(ref bytes);
        var calls = new ToolCall[ReadNumber(ref bytes)];
        for (var i = 0; i < calls.Length; i++) calls[i] = new(ReadText(ref bytes), ReadJson(ref bytes), ReadText(ref bytes));
        var media = new MediaPart[ReadNumber(ref bytes)];
        for (var i = 0; i < media.Length; i++) media[i] = new(ReadText(ref bytes), ReadNumber(ref bytes), ReadJson(ref bytes));
        return turn with
        {
            Reasoning = reasoning, Calls = calls, Media = media, ToolName = ReadText(ref bytes), ToolCallId = ReadText(ref bytes),
            Learn = ReadNumber(ref bytes) switch { 1 => true, 2 => false, _ => null },
        };
    }

    // JSON is reformatted, so white space in the source file has no effect.
    private static void WriteFields(ArrayBufferWriter<byte> to, IReadOnlyDictionary<string, JsonElement> fields)
    {
        WriteNumber(to, fields.Count);
        foreach (var (name, value) in fields)
        {
            WriteText(to, name);
            WriteJson(to, value);
        }
    }

    private static void WriteJson(ArrayBufferWriter<byte> to, JsonElement value)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, Compact)) value.WriteTo(writer);
        WriteNumber(to, json.WrittenCount);
        to.Write(json.WrittenSpan);
    }

    private static void WriteList<T>(ArrayBufferWriter<byte> to, IReadOnlyList<T> items, Action<T> write)
    {
        WriteNumber(to, items.Count);
        foreach (var item in items) write(item);
    }

    private static IReadOnlyDictionary<string, JsonElement> ReadFields(ref ReadOnlySpan<byte> from)
    {
        var count = ReadNumber(ref from);
        if (count == 0) return ReadOnlyDictionary<string, JsonElement>.Empty;
        var fields = new Dictionary<string, JsonElement>(count);
        while (fields.Count < count)
        {
            var name = ReadText(ref from);
            fields.Add(name, ReadJson(ref from));
        }
        return fields;
    }

    private static JsonElement ReadJson(ref ReadOnlySpan<byte> from)
    {
        var size = ReadNumber(ref from);
        var json = JsonElement.Parse(from[..size]);
        from = from[size..];
        return json;
    }

    private static void WriteNumber(ArrayBufferWriter<byte> to, int number)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to.GetSpan(4), number);
        to.Advance(4);
    }

    private static void WriteText(ArrayBufferWriter<byte> to, string text, bool compared = false)
    {
        if (compared) text = UnicodeText.Composed(text);
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
