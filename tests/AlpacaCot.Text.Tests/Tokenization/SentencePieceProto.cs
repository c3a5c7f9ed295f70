using System.Text;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>Reads and writes the fields of a SentencePiece model that the tests need, independently of the engine.</summary>
internal sealed class SentencePieceProto
{
    public List<(string Text, float Score, int Kind)> Pieces { get; } = [];
    public byte[] CharsMap { get; private set; } = [];

    public static SentencePieceProto Read(byte[] file)
    {
        var model = new SentencePieceProto();
        foreach (var (field, _, value) in Fields(file))
        {
            if (field == 3) model.CharsMap = Fields(value).FirstOrDefault(f => f.Field == 2).Value ?? [];
            if (field != 1) continue;
            var parts = Fields(value).ToDictionary(f => f.Field);
            model.Pieces.Add((Encoding.UTF8.GetString(parts[1].Value), BitConverter.ToSingle(parts[2].Value),
                parts.TryGetValue(3, out var kind) ? (int)kind.Number : 1));
        }
        return model;
    }

    /// <summary>A BPE model without a dummy prefix.</summary>
    public static byte[] Bpe(params (string Text, float Score, int Kind)[] pieces) =>
    [
        .. pieces.SelectMany(p => Message(1,
            [.. Message(1, Encoding.UTF8.GetBytes(p.Text)), 21, .. BitConverter.GetBytes(p.Score), 24, (byte)p.Kind])),
        .. Message(2, [24, 2]),
        .. Message(3, [24, 0, 32, 0, 40, 1]),
    ];

    private static byte[] Message(int field, byte[] content) => [(byte)(field * 8 + 2), (byte)content.Length, .. content];

    private static IEnumerable<(int Field, ulong Number, byte[] Value)> Fields(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var tag = Varint(bytes, ref at);
            var number = (tag & 7) == 5 ? 4 : Varint(bytes, ref at);
            var size = (tag & 7) == 0 ? 0 : (int)number;
            yield return ((int)(tag >> 3), number, bytes[at..(at + size)]);
            at += size;
        }
    }

    private static ulong Varint(byte[] bytes, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            value |= (ulong)(bytes[at] & 127) << shift;
            if (bytes[at++] < 128) return value;
        }
    }
}
