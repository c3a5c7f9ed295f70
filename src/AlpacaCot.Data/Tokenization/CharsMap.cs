using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace AlpacaCot.Data.Tokenization;

/// <summary>
/// SentencePiece's precompiled character map: a Darts-clone double-array trie over UTF-8 whose values point into a block of
/// zero-terminated replacements (SentencePiece, <c>src/normalizer.cc</c>; Darts-clone, <c>darts.h</c>).
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <exception cref="InvalidDataException">The block is not such a map.</exception>
    public CharsMap(ReadOnlySpan<byte> blob)
    {
        var size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : uint.MaxValue;
        if (size > blob.Length - 4 || size % 4 != 0 || size == 0) throw new InvalidDataException("bad character map");
        _units = MemoryMarshal.Cast<byte, uint>(blob.Slice(4, (int)size)).ToArray();
        _replacements = blob[(4 + (int)size)..].ToArray();
    }

    /// <summary>The replacement for the longest mapped beginning of <paramref name="utf8"/>; false where nothing is mapped.</summary>
    public bool TryMap(ReadOnlySpan<byte> utf8, out int length, out ReadOnlySpan<byte> replacement)
    {
        (length, var value) = (0, 0u);
        var node = Offset(_units[0]);
        for (var i = 0; i < utf8.Length; i++)
        {
            node ^= utf8[i];
            if (node >= _units.Length) break;
            var unit = _units[node];
            if ((unit & 0x800000FF) != utf8[i]) break;
            node ^= Offset(unit);
            if (((unit >> 8) & 1) == 0) continue;
            if (node >= _units.Length) break;
            (length, value) = (i + 1, _units[node] & 0x7FFFFFFF);
        }
        replacement = default;
        if (length == 0 || value >= _replacements.Length) return false;
        replacement = _replacements.AsSpan((int)value);
        var end = replacement.IndexOf((byte)0);
        replacement = end < 0 ? replacement : replacement[..end];
        return true;
    }

    /// <summary>Maps a whole text, character by character (the <c>Precompiled</c> normalizer of <c>tokenizer.json</c>).</summary>
    public string Map(string text)
    {
        var utf8 = Encoding.UTF8.GetBytes(text);
        var mapped = new List<byte>(utf8.Length);
        for (var i = 0; i < utf8.Length;)
        {
            if (TryMap(utf8.AsSpan(i), out var length, out var replacement))
            {
                mapped.AddRange(replacement);
            }
            else
            {
                length = utf8[i] < 0x80 ? 1 : utf8[i] < 0xE0 ? 2 : utf8[i] < 0xF0 ? 3 : 4;
                mapped.AddRange(utf8.AsSpan(i, length));
            }
            i += length;
        }
        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(mapped));
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);
}
