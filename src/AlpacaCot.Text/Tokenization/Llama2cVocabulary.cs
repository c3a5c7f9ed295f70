using System.Buffers.Binary;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// llama2.c's <c>tokenizer.bin</c>: the maximum token length, then score, length and bytes of each token. A SentencePiece BPE
/// vocabulary whose token types follow from their spelling. Source: <c>tokenizer.py</c> of llama2.c.
/// </summary>
internal static class Llama2cVocabulary
{
    private const int LongestToken = 1024, BytesBegin = 3;

    /// <summary>Whether the bytes have this format; checks the whole file.</summary>
    public static bool Looks(ReadOnlySpan<byte> file) => file.Length > 16
        && BinaryPrimitives.ReadInt32LittleEndian(file) is > 0 and <= LongestToken
        && BinaryPrimitives.ReadInt32LittleEndian(file[8..]) == 5 && file[12..].StartsWith("<unk>"u8) && Pieces(file) is not null;

    /// <summary>Converts the vocabulary to a SentencePiece model file.</summary>
    public static byte[] ToSentencePiece(ReadOnlySpan<byte> file) =>
        SentencePieceWriter.Bpe(Pieces(file)!, dummyPrefix: true, [0, 1, 2, null]);

    private static List<(string, float, PieceKind)>? Pieces(ReadOnlySpan<byte> file)
    {
        var pieces = new List<(string, float, PieceKind)>();
        for (var at = 4; at < file.Length;)
        {
            if (file.Length - at < 8) return null;
            var (score, length) = (BinaryPrimitives.ReadSingleLittleEndian(file[at..]),
                BinaryPrimitives.ReadInt32LittleEndian(file[(at + 4)..]));
            at += 8;
            if (length is < 0 or > LongestToken || length > file.Length - at) return null;
            var text = Encoding.UTF8.GetString(file.Slice(at, length));
            at += length;
            var id = pieces.Count;
            var kind = id == 0 ? PieceKind.Unknown : id < BytesBegin ? PieceKind.Control
                : id < BytesBegin + 256 && text == Characters.PieceOf((byte)(id - BytesBegin)) ? PieceKind.Byte
                    : PieceKind.Normal;
            pieces.Add((kind == PieceKind.Normal ? text.Replace(' ', Characters.Space) : text.Trim('\n'), score, kind));
        }
        return pieces;
    }
}
