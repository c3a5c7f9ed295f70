using System.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Decodes files that Windows programs save as "Unicode": UTF-16 with a byte order mark.</summary>
internal static class Utf16
{
    private const int HeadLength = 16 * 1024;

    /// <summary>The text in UTF-8 with its beginning; null if the bytes are not marked as UTF-16.</summary>
    public static Stream? Open(Stream stream, ReadOnlySpan<byte> head, out byte[] decoded)
    {
        decoded = [];
        var bigEndian = head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]);
        if (!bigEndian && !head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE])) return null;
        if (head.Length >= 4 && head[2] == 0 && head[3] == 0) return null;   // UTF-32
        var text = Encoding.CreateTranscodingStream(stream, new UnicodeEncoding(bigEndian, false, throwOnInvalidBytes: true),
            new UTF8Encoding(false));
        var begun = new byte[HeadLength];
        begun = decoded = begun[..Fill(text, begun)];
        // The mark is decoded as a character of its own, EF BB BF, which every reader skips.
        var at = 0;
        return new ForwardStream(buffer =>
        {
            if (at == begun.Length) return Read(text, buffer);
            var count = Math.Min(buffer.Length, begun.Length - at);
            begun.AsSpan(at, count).CopyTo(buffer);
            at += count;
            return count;
        }, stream);
    }

    private static int Fill(Stream text, Span<byte> buffer)
    {
        var count = 0;
        while (count < buffer.Length && Read(text, buffer[count..]) is > 0 and var more) count += more;
        return count;
    }

    private static int Read(Stream text, Span<byte> buffer)
    {
        try
        {
            return text.Read(buffer);
        }
        catch (DecoderFallbackException broken)
        {
            throw new InvalidDataException("the UTF-16 text is damaged; save the file again, as UTF-8", broken);
        }
    }
}
