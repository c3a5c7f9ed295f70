using System.Text;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Writes the original collection's unified format, byte-identical to its script: one JSON array on one line, a space after
/// each comma and colon, UTF-8 with only the mandatory JSON escapes, no final line feed.
/// </summary>
public static class UnifiedJson
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Writes single-turn conversations.</summary>
    /// <returns>Number of records written.</returns>
    /// <exception cref="InputException">A conversation is not a single turn, or contains an unpaired
    /// surrogate.</exception>
    public static long Write(Stream stream, IEnumerable<Conversation> conversations)
    {
        using var writer = new StreamWriter(stream, Strict, 1 << 16, leaveOpen: true);
        var count = 0L;
        writer.Write('[');
        foreach (var conversation in conversations)
        {
            if (conversation.Turns is not [{ Role: Role.User } asked, { Role: Role.Assistant } answered])
                throw new InputException($"{conversation.Origin}: the unified format supports only one instruction with "
                    + "one answer per record.");
            if (count++ > 0) writer.Write(", ");
            Field("{\"instruction\": \"", asked.Text);
            Field("\", \"input\": \"", asked.Input);
            Field("\", \"output\": \"", answered.Text);
            writer.Write("\"}");

            void Field(string before, string text)
            {
                writer.Write(before);
                Escape(writer, text, conversation.Origin);
            }
        }
        writer.Write(']');
        return count;
    }

    private static void Escape(StreamWriter writer, string text, string origin)
    {
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsSurrogate(c) && !(i + 1 < text.Length && char.IsSurrogatePair(c, text[i + 1]))
                && !(i > 0 && char.IsSurrogatePair(text[i - 1], c)))
                throw new InputException($"{origin}: it contains an unpaired surrogate, which UTF-8 cannot encode.");
            switch (c)
            {
                case '"': writer.Write("\\\""); break;
                case '\\': writer.Write(@"\\"); break;
                case '\n': writer.Write(@"\n"); break;
                case '\r': writer.Write(@"\r"); break;
                case '\t': writer.Write(@"\t"); break;
                case '\f': writer.Write(@"\f"); break;
                case '\b': writer.Write(@"\b"); break;
                case < ' ': writer.Write($"\\u{(int)c:x4}"); break;
                default: writer.Write(c); break;
            }
        }
    }
}
