using System.Buffers.Binary;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Validates a Parquet file's footer and page headers before the Parquet reader parses them, because the reader trusts every
/// type and length and may not terminate on corrupt ones. Sources: parquet.thrift, Thrift's compact protocol.
/// </summary>
internal static class ParquetDescription
{
    private const int Tail = 8, Depth = 32, UsualHeader = 1 << 16;   // Tail: length and magic; real footers have 7 levels

    // Fields of each struct by number. t: bool, y h i q: integers of 1, 2, 4, 8 bytes, b: bytes; l: list of; else: struct.
    private static readonly Dictionary<string, string> Structs = new()
    {
        ["File"] = "1i 2lSchema 3q 4lGroup 5lPair 6b 7lOrder 8Cipher 9b",
        ["Schema"] = "1i 2i 3i 4b 5i 6i 7i 8i 9i 10Logical",
        ["Logical"] = "1None 2None 3None 4None 5Decimal 6None 7Time 8Time 10Integer 11None 12None 13None 14None 15None 16Version "
            + "17Shape 18Shape",
        ["None"] = "", ["Decimal"] = "1i 2i", ["Time"] = "1t 2Unit", ["Unit"] = "1None 2None 3None", ["Integer"] = "1y 2t",
        ["Version"] = "1y", ["Shape"] = "1b 2i",
        ["Group"] = "1lChunk 2q 3q 4lSorting 5q 6q 7h",
        ["Chunk"] = "1b 2q 3Column 4q 5i 6q 7i 8Key 9b",
        ["Column"] = "1i 2li 3lb 4i 5q 6q 7q 8lPair 9q 10q 11q 12Statistics 13lPages 14q 15i 16Sizes 17Places",
        ["Statistics"] = "1b 2b 3q 4q 5b 6b 7t 8t", ["Pages"] = "1i 2i 3i", ["Sizes"] = "1q 2lq 3lq",
        ["Places"] = "1Box 2li", ["Box"] = "1d 2d 3d 4d 5d 6d 7d 8d",
        ["Page"] = "1i 2i 3i 4i 5Data 6None 7Dictionary 8DataTwo", ["Data"] = "1i 2i 3i 4i 5Statistics",
        ["Dictionary"] = "1i 2i 3t", ["DataTwo"] = "1i 2i 3i 4i 5i 6i 7t 8Statistics",
        ["Pair"] = "1b 2b", ["Sorting"] = "1i 2t 3t", ["Order"] = "1None",
        ["Key"] = "1None 2KeyOfColumn", ["KeyOfColumn"] = "1lb 2b",
        ["Cipher"] = "1Aes 2Aes", ["Aes"] = "1b 2b 3t",
    };

    private static readonly Dictionary<(string Struct, int Field), string> Fields = Structs.SelectMany(one =>
        one.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(field =>
        {
            var digits = field.TakeWhile(char.IsAsciiDigit).Count();
            return (Key: (one.Key, int.Parse(field[..digits])), Type: field[digits..]);
        })).ToDictionary(field => field.Key, field => field.Type);

    /// <summary>Whether the file has a valid footer; the stream position afterwards is undefined.</summary>
    public static bool IsFileSound(Stream stream)
    {
        Span<byte> tail = stackalloc byte[Tail];
        if (stream.Length < Tail + 4) return false;
        stream.Position = stream.Length - Tail;
        stream.ReadExactly(tail);
        var length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (tail[4..].SequenceEqual("PARE"u8)) return true;   // encrypted: reported by the reader
        if (!tail[4..].SequenceEqual("PAR1"u8) || length <= 0 || length > stream.Length - Tail - 4) return false;
        var footer = new byte[length];
        stream.Position = stream.Length - Tail - length;
        stream.ReadExactly(footer);
        return new Walk(footer).Struct("File", 0);
    }

    /// <summary>Whether the pages of a column fit into its bytes and into its declared sizes.</summary>
    /// <param name="stream">The file; its position afterwards is undefined.</param>
    /// <param name="start">Offset of the first page.</param>
    /// <param name="length">Size of all pages with their headers, in bytes.</param>
    /// <param name="unpacked">Maximum total uncompressed size, in bytes.</param>
    public static bool ArePagesSound(Stream stream, long start, long length, long unpacked)
    {
        if (start < 4 || length < 0 || length > stream.Length - start) return false;
        var head = new byte[UsualHeader];
        for (var end = start + length; start < end;)
        {
            var header = head.AsSpan(0, (int)Math.Min(head.Length, end - start));
            stream.Position = start;
            stream.ReadExactly(header);
            var walk = new Walk(header);
            if (!walk.Struct("Page", 0))
            {
                // A header's statistics may contain long texts: read more, up to the size of the column.
                if (header.Length == end - start || head.Length > Array.MaxLength / 8) return false;
                head = new byte[head.Length * 8];
                continue;
            }
            var (plain, packed) = (walk.Numbers[2], walk.Numbers[3]);
            start += header.Length - walk.Left + packed;
            unpacked -= plain;
            if (plain < 0 || packed < 0 || start > end || unpacked < 0) return false;
        }
        return true;
    }

    private ref struct Walk(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        /// <summary>Integer values of the outermost struct's first fields, by field number.</summary>
        public readonly long[] Numbers = new long[4];

        private ulong _last;

        public readonly int Left => _rest.Length;

        public bool Struct(string? name, int depth)
        {
            if (depth > Depth) return false;
            for (var field = 0; ;)
            {
                if (!Byte(out var header)) return false;
                if (header == 0) return true;
                if (header >> 4 is > 0 and var step) field += step;
                else if (Number(out var stated)) field = (short)((stated >> 1) ^ (0 - (stated & 1)));
                else return false;
                var type = header & 15;
                var expected = name is null ? null : Fields.GetValueOrDefault((name, field));
                if (expected is not null && !Fits(type, expected)) return false;
                if (!Value(type, expected, depth, inList: false)) return false;
                if (depth == 0 && field > 0 && field < Numbers.Length) Numbers[field] = (long)(_last >> 1) ^ -(long)(_last & 1);
            }
        }

        private static bool Fits(int type, string expected) => expected[0] switch
        {
            't' => type is 1 or 2, 'y' => type is 3, 'h' => type is 4, 'i' => type is 5, 'q' => type is 6, 'd' => type is 7,
            'b' => type is 8, 'l' => type is 9, _ => type is 12,
        };

        private bool Value(int type, string? expected, int depth, bool inList) => type switch
        {
            1 or 2 => !inList,
            3 => Skip(1),
            4 or 5 or 6 => Number(out _last),
            7 => Skip(8),
            8 => Number(out var length) && length <= (ulong)_rest.Length && Skip((int)length),
            9 or 10 => List(expected?[1..], depth + 1),
            12 => Struct(expected, depth + 1),
            13 => Skip(16),
            _ => false,   // a map: not used by Parquet
        };

        // Each element takes at least one byte, so a larger count is invalid.
        private bool List(string? expected, int depth)
        {
            if (depth > Depth || !Byte(out var header)) return false;
            var (count, type) = ((ulong)(header >> 4), header & 15);
            if (count == 15 && !Number(out count)) return false;
            if (count > (ulong)_rest.Length || (count > 0 && expected is not null && !Fits(type, expected))) return false;
            for (; count > 0; count--)
                if (!Value(type, expected, depth, inList: true)) return false;
            return true;
        }

        private bool Number(out ulong number)
        {
            number = 0;
            for (var shift = 0; shift < 70 && Byte(out var part); shift += 7)
            {
                number |= (ulong)(part & 127) << shift;
                if (part < 128) return true;
            }
            return false;
        }

        private bool Byte(out byte value)
        {
            value = _rest.IsEmpty ? (byte)0 : _rest[0];
            return Skip(1);
        }

        private bool Skip(int count)
        {
            if (_rest.Length < count) return false;
            _rest = _rest[count..];
            return true;
        }
    }
}
