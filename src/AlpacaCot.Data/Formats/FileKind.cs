using System.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Detects file types by their first bytes and gives advice for unreadable ones.</summary>
internal static class FileKind
{
    /// <summary>The byte order mark of UTF-8, which some programs write before the text.</summary>
    public static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>The text behind a byte order mark.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> head) => head.StartsWith(Mark) ? head[Mark.Length..] : head;

    public static bool IsGzip(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x1F, 0x8B]);

    public static bool IsZstd(ReadOnlySpan<byte> head) => head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xB5, 0x2F, 0xFD]);

    public static bool IsParquet(ReadOnlySpan<byte> head) => head.StartsWith("PAR1"u8);

    public static bool IsJson(ReadOnlySpan<byte> head) =>
        head.TrimStart(" \t\r\n"u8) is var text && (text.IsEmpty || text[0] is (byte)'[' or (byte)'{');

    /// <summary>Whether the text begins with a JSON string, which in a JSON file is a record.</summary>
    public static bool IsJsonString(ReadOnlySpan<byte> head) =>
        head.TrimStart(" \t\r\n"u8) is var text && !text.IsEmpty && text[0] == (byte)'"';

    /// <summary>Problem and remedy for content with these first bytes; null if it may be UTF-8 text.</summary>
    public static string? WhyNotText(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF])
            || (head.Length >= 4 && (head[0] == 0) != (head[1] == 0) && (head[2] == 0) == (head[0] == 0)))
            return "the text is UTF-16 (or UTF-32); save it as UTF-8";
        if (head.StartsWith("version https://git-lfs"u8))
            return "this is a git-lfs pointer, not the data; run \"git lfs pull\" in its clone, or download the file itself";
        if (head.StartsWith("PK\u0003\u0004"u8)) return "this is a zip archive; unpack it first";
        if (IsGzip(head) || IsZstd(head)) return "this is compressed twice; decompress it once first";
        if (head.StartsWith((ReadOnlySpan<byte>)[0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z']))
            return "this is compressed with xz; decompress it first (gzip and zstd are read directly)";
        if (head.StartsWith("BZh"u8))
            return "this is compressed with bzip2; decompress it first (gzip and zstd are read directly)";
        if (head.Length > 262 && head[257..262].SequenceEqual("ustar"u8)) return "this is a tar archive; unpack it first";

        var text = head.TrimStart(" \t\r\n"u8);
        if (StartsWithIgnoringCase(text, "<!doctype html"u8) || StartsWithIgnoringCase(text, "<html"u8))
            return "this is an HTML page, most likely an error page saved by a failed download; download the file itself";
        return head.Contains((byte)0) ? "this is binary data of an unknown type, not text" : null;
    }

    private static bool StartsWithIgnoringCase(ReadOnlySpan<byte> text, ReadOnlySpan<byte> lowerCase) =>
        text.Length >= lowerCase.Length && Ascii.EqualsIgnoreCase(text[..lowerCase.Length], lowerCase);
}
