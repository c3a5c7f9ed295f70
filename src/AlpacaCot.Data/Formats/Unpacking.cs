using System.IO.Compression;
using ZstdSharp;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Streaming decompression of gzip and zstd with a limit on the expansion (decompression bombs). Errors are
/// <see cref="InvalidDataException"/> with user-level messages.
/// </summary>
internal static class Unpacking
{
    private const int HeadLength = 16 * 1024;

    /// <summary>The ratio is not checked below this size: small files of repeated lines compress very well.</summary>
    private const long Harmless = 128L << 20;

    /// <summary>Returns the decompressed bytes, or the stream's own bytes if it is not compressed.</summary>
    /// <param name="stream">The file; read sequentially, not disposed.</param>
    /// <param name="largestExpansion">Maximum decompression ratio.</param>
    /// <param name="head">Up to 16 KiB from the start of the decompressed bytes.</param>
    /// <param name="packing">The compression: gzip, zstd, or empty.</param>
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
            // The decoder treats a file that ends inside the first member's header as empty.
            if (count == 0 && given == 0 && taken < 18 && packing == "gzip") throw Damaged(null);
            if (given > Harmless && given > largestExpansion * taken)
                throw new InvalidDataException($"the compressed data expands more than {largestExpansion:0}-fold and may be a "
                    + "decompression bomb; if you trust it, decompress it first");
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
        new("the compressed data is corrupt or truncated; download it again", cause);
}
