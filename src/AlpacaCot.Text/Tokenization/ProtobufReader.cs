using System.Buffers.Binary;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Reads the fields of a message in the protocol buffers wire format.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;
    private ulong _number;
    private ReadOnlySpan<byte> _bytes;

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    public readonly bool Bool => _number != 0;
    public readonly int Int => (int)_number;
    public readonly float Float => BitConverter.Int32BitsToSingle((int)_number);
    public readonly ReadOnlySpan<byte> Bytes => _bytes;
    public readonly string Text => System.Text.Encoding.UTF8.GetString(_bytes);

    /// <summary>Advances to the next field; false at the end.</summary>
    /// <exception cref="InvalidDataException">The message is truncated or invalid.</exception>
    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        var tag = Varint();
        Field = (int)(tag >> 3);
        _number = 0;
        _bytes = default;
        switch (tag & 7)
        {
            case 0: _number = Varint(); break;
            case 1: _number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8)); break;
            case 2: _bytes = Take(Varint()); break;
            case 5: _number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4)); break;
            default: throw new InvalidDataException("unknown wire type");
        }
        return Field > 0 ? true : throw new InvalidDataException("field number 0");
    }

    private ulong Varint()
    {
        var value = 0UL;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Take(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new InvalidDataException("varint too long");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length) throw new InvalidDataException("truncated");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }
}
