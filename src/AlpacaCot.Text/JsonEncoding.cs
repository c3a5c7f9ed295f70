using System.Text.Unicode;

namespace AlpacaCot.Text;

/// <summary>
/// Checks bytes before they are parsed as JSON: .NET's reader accepts invalid UTF-8 and lone surrogates inside strings, and
/// fails where
/// the string is read.
/// </summary>
public static class JsonEncoding
{
    /// <summary>Requires valid UTF-8 and escapes of whole characters.</summary>
    /// <param name="path">The file, for the message.</param>
    /// <param name="json">Its content.</param>
    /// <exception cref="InputException">The bytes are not valid text.</exception>
    public static void Require(string path, ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) throw new InputException($"{path} is not valid JSON: it is not UTF-8. Save it as UTF-8.");
        var high = false; // an escape of the first half of a character was just read
        for (var at = 0; at < json.Length;)
        {
            var skip = high ? 0 : json[at..].IndexOf((byte)'\\');
            if (skip < 0) return;
            at += skip;
            var isEscape = at + 5 < json.Length && json[at] == '\\' && json[at + 1] == 'u';
            var half = isEscape ? Half(json.Slice(at + 2, 4)) : '\0';
            if (high != (half == 'l'))
                throw new InputException($"{path} is not valid JSON: an escape at byte {at} is half of a surrogate pair.");
            high = half == 'h';
            at += isEscape ? 6 : 2;
        }
        if (high) throw new InputException($"{path} is not valid JSON: its last escape is half of a surrogate pair.");
    }

    // h: the first half of a pair, l: the second.
    private static char Half(ReadOnlySpan<byte> digits)
    {
        if (digits[0] is not ((byte)'d' or (byte)'D')) return '\0';
        return digits[1] switch
        {
            (byte)'8' or (byte)'9' or (byte)'a' or (byte)'b' or (byte)'A' or (byte)'B' => 'h',
            (byte)'c' or (byte)'d' or (byte)'e' or (byte)'f' or (byte)'C' or (byte)'D' or (byte)'E' or (byte)'F' => 'l',
            _ => '\0',
        };
    }
}
