using System.Buffers.Binary;
using System.Text;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Checkpoints.Formats;

/// <summary>
/// Finds the entries of a zip file. Only stored entries are supported, ZIP64 included: torch.save writes them, and they can be
/// mapped. <see cref="System.IO.Compression.ZipArchive"/> does not tell an entry's position. Source: PKWARE's APPNOTE.
/// </summary>
internal static class ZipDirectory
{
    private const int EndLength = 22, End64Length = 56, LocatorLength = 20, EntryLength = 46, LocalLength = 30;
    private const uint EndSignature = 0x06054b50, End64Signature = 0x06064b50, LocatorSignature = 0x07064b50;
    private const uint EntrySignature = 0x02014b50, LocalSignature = 0x04034b50;

    /// <summary>The entries by name: offset and length of their bytes in the file, both checked against its length.</summary>
    /// <exception cref="InputException">The file is truncated or damaged, or an entry is compressed or encrypted.</exception>
    public static Dictionary<string, (long Offset, long Length)> Read(MappedFile map)
    {
        var (start, length, count) = FindDirectory(map);
        if (start < 0 || length < 0 || start > map.Length - length || length > int.MaxValue || count > length / EntryLength)
            throw Damaged(map, "its directory is outside the file");
        var entries = new Dictionary<string, (long, long)>();
        var bytes = map.Bytes(start, (int)length);
        for (long i = 0; i < count; i++)
        {
            if (bytes.Length < EntryLength || U32(bytes, 0) != EntrySignature)
                throw Damaged(map, $"entry {i + 1} of its directory is broken");
            var (nameLength, extraLength, commentLength) = (U16(bytes, 28), U16(bytes, 30), U16(bytes, 32));
            var total = EntryLength + nameLength + extraLength + commentLength;
            if (bytes.Length < total) throw Damaged(map, $"entry {i + 1} of its directory is broken");
            var name = Encoding.UTF8.GetString(bytes.Slice(EntryLength, nameLength));
            long stored = U32(bytes, 20), size = U32(bytes, 24), local = U32(bytes, 42);
            ReadZip64(bytes.Slice(EntryLength + nameLength, extraLength), ref size, ref stored, ref local);
            if ((U16(bytes, 8) & 1) != 0) throw new InputException($"{map.Path}: its entry {name} is encrypted.");
            if (U16(bytes, 10) != 0 || stored != size)
                throw new InputException($"{map.Path}: its entry {name} is compressed, which torch.save never does. " +
                    "Unpack the file and pack it again without compression, or convert it to safetensors.");
            if (!entries.TryAdd(name, (DataOffset(map, local, size, name), size)))
                throw Damaged(map, $"its entry {name} occurs twice");
            bytes = bytes[total..];
        }
        return entries;
    }

    private static (long Start, long Length, long Count) FindDirectory(MappedFile map)
    {
        var tail = (int)Math.Min(map.Length, EndLength + ushort.MaxValue);
        var tailStart = map.Length - tail;
        var bytes = map.Bytes(tailStart, tail);
        for (var at = tail - EndLength; at >= 0; at--)
        {
            if (U32(bytes, at) != EndSignature || U16(bytes, at + 20) != tail - at - EndLength) continue;
            long count = U16(bytes, at + 10), length = U32(bytes, at + 12), start = U32(bytes, at + 16);
            var locator = tailStart + at - LocatorLength;
            if (locator < 0 || U32(map.Bytes(locator, LocatorLength), 0) != LocatorSignature) return (start, length, count);
            var end64 = I64(map.Bytes(locator, LocatorLength), 8);
            if (end64 < 0 || end64 > map.Length - End64Length) throw Damaged(map, "its ZIP64 directory is outside the file");
            var wide = map.Bytes(end64, End64Length);
            if (U32(wide, 0) != End64Signature) throw Damaged(map, "its ZIP64 directory is broken");
            return (I64(wide, 48), I64(wide, 40), I64(wide, 32));
        }
        throw new InputException($"{map.Path} begins as a zip file, but the directory at its end is missing: " +
            $"the file is truncated at {map.Length} bytes. Copy or download it again.");
    }

    // Fields with all bits set continue in the extra field with tag 1, in this order.
    private static void ReadZip64(ReadOnlySpan<byte> extra, ref long size, ref long stored, ref long local)
    {
        while (extra.Length >= 4)
        {
            var (tag, length) = (U16(extra, 0), U16(extra, 2));
            if (length > extra.Length - 4) return;
            if (tag == 1)
            {
                var fields = extra.Slice(4, length);
                Widen(ref size, ref fields);
                Widen(ref stored, ref fields);
                Widen(ref local, ref fields);
            }
            extra = extra[(4 + length)..];
        }
    }

    private static void Widen(ref long field, ref ReadOnlySpan<byte> wide)
    {
        if (field != uint.MaxValue || wide.Length < 8) return;
        field = I64(wide, 0);
        wide = wide[8..];
    }

    private static long DataOffset(MappedFile map, long local, long size, string name)
    {
        if (local < 0 || size < 0 || local > map.Length - LocalLength)
            throw Damaged(map, $"its entry {name} is outside the file");
        var header = map.Bytes(local, LocalLength);
        if (U32(header, 0) != LocalSignature) throw Damaged(map, $"its entry {name} is not at the offset in its directory");
        var offset = local + LocalLength + U16(header, 26) + U16(header, 28);
        if (offset > map.Length - size)
            throw Damaged(map, $"its entry {name} ends {(Int128)offset + size - map.Length} bytes after the end of the file");
        return offset;
    }

    private static InputException Damaged(MappedFile map, string problem) =>
        new($"{map.Path} is a damaged zip file: {problem}. Copy or download it again.");

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long I64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
