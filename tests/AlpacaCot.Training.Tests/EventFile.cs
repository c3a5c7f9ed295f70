using System.Buffers.Binary;

namespace AlpacaCot.Training.Tests;

/// <summary>
/// A reader of TensorBoard's files that trusts nothing: records of length, masked CRC-32C of the length, data, masked CRC of the
/// data (TensorFlow's record format), each an <c>Event</c> message.
/// </summary>
internal static class EventFile
{
    public static List<(string Tag, long Step, float Value)> Scalars(string path)
    {
        var (bytes, scalars) = (File.ReadAllBytes(path), new List<(string, long, float)>());
        Assert.NotEmpty(bytes);
        for (var at = 0; at < bytes.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
            Assert.InRange(length, 0, bytes.Length - at - 16);
            Assert.Equal(MaskedCrc(bytes.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 8)));
            var data = bytes.AsMemory(at + 12, length);
            Assert.Equal(MaskedCrc(data.Span), BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at + 12 + length)));
            at += 16 + length;
            var step = Fields(data).Where(f => f.Number == 2).Select(f => (long)f.Value).FirstOrDefault();
            foreach (var summary in Fields(data).Where(f => f.Number == 5))
                foreach (var value in Fields(summary.Bytes).Where(f => f.Number == 1))
                    scalars.Add((
                        System.Text.Encoding.UTF8.GetString(Fields(value.Bytes).First(f => f.Number == 1).Bytes.Span), step,
                        BitConverter.UInt32BitsToSingle((uint)Fields(value.Bytes).First(f => f.Number == 2).Value)));
        }
        return scalars;
    }

    // The fields of a protocol buffer message.
    private static IEnumerable<(int Number, ulong Value, ReadOnlyMemory<byte> Bytes)> Fields(ReadOnlyMemory<byte> message)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint(message.Span, ref at);
            var (number, value, bytes) = ((int)(key >> 3), 0UL, ReadOnlyMemory<byte>.Empty);
            switch (key & 7)
            {
                case 0:
                    value = Varint(message.Span, ref at);
                    break;
                case 1:
                    value = BinaryPrimitives.ReadUInt64LittleEndian(message.Span[at..]);
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(message.Span, ref at);
                    bytes = message.Slice(at, length);
                    at += length;
                    break;
                case 5:
                    value = BinaryPrimitives.ReadUInt32LittleEndian(message.Span[at..]);
                    at += 4;
                    break;
                default:
                    Assert.Fail($"wire type {key & 7}");
                    break;
            }
            yield return (number, value, bytes);
        }
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var b = bytes[at++];
            value |= (ulong)(b & 127) << shift;
            if (b < 128) return value;
        }
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
        }
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}
