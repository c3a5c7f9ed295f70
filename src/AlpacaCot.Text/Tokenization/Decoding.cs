using System.Buffers;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>How a tokenizer's tokens become text again. Makes one state for every text decoded.</summary>
internal interface IDecoding
{
    IDecodingState Start(bool skipSpecial);
}

/// <summary>The decoding of one text, token by token.</summary>
internal interface IDecodingState
{
    /// <summary>Takes a token and appends the text that is certain now.</summary>
    void Add(int id, StringBuilder output);

    /// <summary>Appends what was held back.</summary>
    void Flush(StringBuilder output);
}

/// <summary>
/// Byte pieces on their way to text: whole characters come out as soon as they are complete, and each byte that is part of
/// none becomes U+FFFD (SentencePiece's rule).
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
