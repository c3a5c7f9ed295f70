using System.IO.Compression;
using ZstdSharp;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Unpacks gzip and zstd on the way, as far as the growth is that of data and not that of a bomb. Damage is told by
/// <see cref="InvalidDataException"/> with words for a person.
/// </summary>
internal static class Unpacking
{
    private const int HeadLength = 16 * 1024;

    /// <summary>Up to here nothing is asked: small files of one repeated line pack very well.</summary>
    private const long Harmless = 128L << 20;

    /// <summary>Gives the bytes behind gzip or zstd, or else the stream's own.</summary>
    /// <param name="stream">The file; read forwards, not disposed.</param>
    /// <param name="largestExpansion">The most bytes that one packed byte may become.</param>
    /// <param name="head">Up to 16 KiB from the beginning of the unpacked bytes.</param>
    /// <param name="packing">The packing: gzip, zstd, or empty.</param>
    public static Stream Open(Stream stream, double largestExpansion, out byte[] head, out string packing)
    {
        var whole = Peek(stream, out head);
        packing = FileKind.IsGzip(head) ? "gzip" : FileKind.IsZstd(head) ? "zstd" : "";
        return packing.Length == 0 ? whole : Peek(Unpack(whole, packing, largestExpansion), out head);
    }

    private static ForwardStream Peek(Stream stream, out byte[] head)
    {
        var begun = new byte[HeadLength];
        head = begun = begun[..stream.ReadAtLeast(begun, HeadLength, throwOnEndOfStream: false)];
        var at = 0;
        return new ForwardStream(buffer =>
        {
            if (at == begun.Length) return stream.Read(buffer);
            var count = Math.Min(buffer.Length, begun.Length - at);
            begun.AsSpan(at, count).CopyTo(buffer);
            at += count;
            return count;
        }, stream is ForwardStream ? stream : null);
    }

    private static ForwardStream Unpack(Stream packed, string packing, double largestExpansion)
    {
        var (taken, given) = (0L, 0L);
        var counted = new ForwardStream(buffer =>
        {
            var count = packed.Read(buffer);
            taken += count;
            return count;
        });
        Stream unpacked = packing == "gzip" ? new GZipStream(counted, CompressionMode.Decompress)
            : new DecompressionStream(counted);
        return new ForwardStream(buffer =>
        {
            var count = Read(unpacked, buffer);
            given += count;
            // The decoder takes an end inside the first member's header for an empty file.
            if (count == 0 && given == 0 && taken < 18 && packing == "gzip") throw Damaged(null);
            if (given > Harmless && given > largestExpansion * taken)
                throw new InvalidDataException($"the compressed data grows more than {largestExpansion:0}-fold, as a file does "
                    + "that is made to fill the disk; if you trust it, unpack it yourself");
            return count;
        }, unpacked);
    }

    private static int Read(Stream unpacked, Span<byte> buffer)
    {
        try
        {
            return unpacked.Read(buffer);
        }
        catch (Exception damaged) when (damaged is ZstdException or EndOfStreamException or InvalidDataException)
        {
            throw Damaged(damaged);
        }
    }

    private static InvalidDataException Damaged(Exception? cause) =>
        new("the compressed data is damaged or cut short; download it again", cause);
}
