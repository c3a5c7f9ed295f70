using System.Buffers.Binary;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Writes SentencePiece BPE models (<c>sentencepiece_model.proto</c>) without normalization, like LLaMA's.</summary>
internal static class SentencePieceWriter
{
    /// <param name="pieces">Pieces by id.</param>
    /// <param name="dummyPrefix">Whether encoding prepends a space.</param>
    /// <param name="roles">The ids of the unknown, BOS, EOS and padding tokens.</param>
    public static byte[] Bpe(IReadOnlyList<(string Text, float Score, PieceKind Kind)> pieces, bool dummyPrefix, int?[] roles)
    {
        var model = new Message();
        foreach (var (text, score, kind) in pieces)
            model.Bytes(1, new Message().Text(1, text).Float(2, score).Number(3, (int)kind));
        var trainer = new Message().Number(3, SentencePieceFile.BpeType).Number(4, pieces.Count)
            .Number(35, pieces.Any(p => p.Kind == PieceKind.Byte) ? 1 : 0);
        for (var role = 0; role < roles.Length; role++) trainer.Number(40 + role, roles[role] ?? -1);
        for (var role = 0; role < roles.Length; role++)
            if (roles[role] is { } id) trainer.Text(45 + role, pieces[id].Text);
        model.Bytes(2, trainer);
        model.Bytes(3, new Message().Text(1, "identity").Number(3, dummyPrefix ? 1 : 0).Number(4, 0).Number(5, 1));
        return model.ToArray();
    }

    /// <summary>Appends pieces to a model file: a repeated protobuf field may occur anywhere in the message.</summary>
    public static byte[] Append(byte[] file, IEnumerable<(string Text, float Score, PieceKind Kind)> pieces)
    {
        var more = new Message();
        foreach (var (text, score, kind) in pieces)
            more.Bytes(1, new Message().Text(1, text).Float(2, score).Number(3, (int)kind));
        return [.. file, .. more.ToArray()];
    }

    private sealed class Message
    {
        private readonly List<byte> _bytes = [];

        public byte[] ToArray() => [.. _bytes];

        public Message Number(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public Message Float(int field, float value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            Varint(((ulong)field << 3) | 5);
            _bytes.AddRange(bytes);
            return this;
        }

        public Message Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

        public void Bytes(int field, Message message) => Bytes(field, message.ToArray());

        private Message Bytes(int field, byte[] value)
        {
            Varint(((ulong)field << 3) | 2);
            Varint((ulong)value.Length);
            _bytes.AddRange(value);
            return this;
        }

        private void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7) _bytes.Add((byte)(value | 0x80));
            _bytes.Add((byte)value);
        }
    }
}
