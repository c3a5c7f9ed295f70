using System.Text;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Writes the unified form of the original collection, byte for byte as its script did: one JSON array on one line with a blank
/// after each comma and colon, text as UTF-8 with escapes only where JSON needs them, no line end behind it.
/// </summary>
public static class UnifiedJson
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Writes conversations of one instruction and one answer each.</summary>
    /// <returns>How many were written.</returns>
    /// <exception cref="InputException">A conversation has another form, which this one cannot hold, or half a
    /// character.</exception>
    public static long Write(Stream stream, IEnumerable<Conversation> conversations)
    {
        using var writer = new StreamWriter(stream, Strict, 1 << 16, leaveOpen: true);
        var count = 0L;
        writer.Write('[');
        foreach (var conversation in conversations)
        {
            if (conversation.Turns is not [{ Role: Role.User } asked, { Role: Role.Assistant } answered])
                throw new InputException($"{conversation.Origin}: this is not one instruction with one answer, which is all the "
                    + "unified form can hold.");
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
                throw new InputException($"{origin}: it holds half a character, which UTF-8 cannot write.");
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
