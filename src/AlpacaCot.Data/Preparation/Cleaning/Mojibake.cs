using System.Buffers;
using System.Text;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>
/// Reverses wrong decodings: UTF-8 bytes read as Windows-1252 or Latin-1 (<c>cafÃ©</c>) or as GBK (<c>浣犲ソ</c>). Only
/// sequences whose bytes are valid UTF-8 are changed, which is very rare in intended text.
/// </summary>
internal static class Mojibake
{
    private const int MostRounds = 3;   // doubly decoded text needs two rounds
    private const int LeastChinese = 3;

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private static readonly Encoding Gbk = CodePagesEncodingProvider.Instance.GetEncoding(936,
        EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback)!;

    // Windows-1252 from 0x80; 0 where it has no character and Latin-1 has a control character.
    private const string Windows1252 = "€\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ";

    // First characters of common Chinese UTF-8 read as GBK: a cheap test before the expensive one.
    private static readonly SearchValues<char> GbkSigns = SearchValues.Create("锛銆鐨浣涓鍙鎴绗鏄浠鍦鍚鏈姝璇杩鍒闂瀹寮澶犲");
    private static readonly SearchValues<char> Controls = SearchValues.Create(
        [.. Enumerable.Range(0, 32).Where(c => c is not (9 or 10 or 12 or 13)).Select(c => (char)c), '\u007F', '\uFEFF']);

    /// <summary>Whether the text contains replacement characters for undecodable bytes.</summary>
    public static bool IsLost(string text) => text.Contains('\uFFFD') || text.Contains("锟斤拷", StringComparison.Ordinal);

    /// <summary>The repaired text; the same instance if nothing changed.</summary>
    public static string Repair(string text)
    {
        for (var round = 0; round < MostRounds; round++)
        {
            var repaired = OfChinese(OfLatin(text));
            if (ReferenceEquals(repaired, text)) break;
            text = repaired;
        }
        if (!text.AsSpan().ContainsAny(Controls)) return text;
        return string.Concat(text.Where(c => !Controls.Contains(c)));
    }

    private static string OfLatin(string text)
    {
        StringBuilder? result = null;
        var done = 0;   // copied to the result up to here
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < text.Length;)
        {
            var length = SequenceLength(text, i);
            // "É“" may be a capital before a quotation mark: keep it unless it is adjacent to another sequence.
            if (length == 2 && text[i] is not ('Â' or 'Ã') && done != i && SequenceLength(text, i + 2) == 0) length = 0;
            if (length == 0)
            {
                i++;
                continue;
            }
            for (var j = 0; j < length; j++) bytes[j] = (byte)ByteOf(text[i + j]);
            if (Rune.DecodeFromUtf8(bytes[..length], out var rune, out _) == OperationStatus.Done)
            {
                (result ??= new()).Append(text, done, i - done).Append(rune.ToString());
                done = i + length;
            }
            i += length;
        }
        return result is null ? text : result.Append(text, done, text.Length - done).ToString();
    }

    // Number of characters from here that form one UTF-8 sequence; 0 if they do not.
    private static int SequenceLength(string text, int at)
    {
        if (at >= text.Length) return 0;
        var lead = ByteOf(text[at]);
        var length = lead switch { >= 0xC2 and < 0xE0 => 2, >= 0xE0 and < 0xF0 => 3, >= 0xF0 and < 0xF5 => 4, _ => 0 };
        if (length == 0 || at + length > text.Length) return 0;
        for (var i = at + 1; i < at + length; i++)
            if (ByteOf(text[i]) is < 0x80 or > 0xBF) return 0;
        return length;
    }

    private static int ByteOf(char c)
    {
        if (c < 0x100) return c;
        var place = c == '\0' ? -1 : Windows1252.IndexOf(c);
        return place < 0 ? -1 : 0x80 + place;
    }

    private static string OfChinese(string text)
    {
        if (!text.AsSpan().ContainsAny(GbkSigns)) return text;
        StringBuilder? result = null;
        var done = 0;
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            while (i < text.Length && text[i] >= 0x80) i++;
            if (i - start >= LeastChinese && Decoded(text[start..i]) is { } meant)
            {
                (result ??= new()).Append(text, done, start - done).Append(meant);
                done = i;
            }
            if (i == start) i++;
        }
        return result is null ? text : result.Append(text, done, text.Length - done).ToString();
    }

    private static string? Decoded(string stretch)
    {
        try
        {
            return Strict.GetString(Gbk.GetBytes(stretch));
        }
        catch (Exception e) when (e is EncoderFallbackException or DecoderFallbackException)
        {
            return null;
        }
    }
}
