using System.Buffers;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Converts tokens to text; creates one state per decoded text.</summary>
internal interface IDetokenizer
{
    IDecodingState Start(bool skipSpecial);
}

/// <summary>State of decoding one text, token by token.</summary>
internal interface IDecodingState
{
    /// <summary>Adds a token and appends the text that is final.</summary>
    void Add(int id, StringBuilder output);

    /// <summary>Appends the remaining text at the end.</summary>
    void Flush(StringBuilder output);
}

/// <summary>
/// Decodes byte pieces: characters are emitted once complete, and each byte that is not part of a valid character becomes
/// U+FFFD (SentencePiece's rule).
/// </summary>
internal struct PendingBytes
{
    private uint _bytes;
    private int _count;

    public void Add(byte value, StringBuilder output)
    {
        _bytes |= (uint)value << (8 * _count++);
        Span<byte> pending = stackalloc byte[4];
        while (_count > 0)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt32LittleEndian(pending, _bytes);
            var status = Rune.DecodeFromUtf8(pending[.._count], out var rune, out var used);
            if (status == OperationStatus.NeedMoreData) return;
            if (status != OperationStatus.Done) used = 1;
            output.Append(status == OperationStatus.Done ? rune.ToString() : "\uFFFD");
            _bytes = used == 4 ? 0 : _bytes >> (8 * used);
            _count -= used;
        }
    }

    public void Flush(StringBuilder output)
    {
        output.Append('\uFFFD', _count);
        (_bytes, _count) = (0, 0);
    }
}
