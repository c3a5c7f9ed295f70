using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// SentencePiece's precompiled character map: a Darts-clone double-array trie over UTF-8 whose values point into a block of
/// zero-terminated replacements (SentencePiece, <c>src/normalizer.cc</c>; Darts-clone, <c>darts.h</c>).
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <exception cref="InvalidDataException">Invalid format.</exception>
    public CharsMap(ReadOnlySpan<byte> blob)
    {
        var size = blob.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : uint.MaxValue;
        if (size > blob.Length - 4 || size % 4 != 0 || size == 0) throw new InvalidDataException("invalid character map");
        _units = MemoryMarshal.Cast<byte, uint>(blob.Slice(4, (int)size)).ToArray();
        _replacements = blob[(4 + (int)size)..].ToArray();
    }

    /// <summary>Finds the replacement for the longest mapped prefix of a text; false if there is none.</summary>
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

    /// <summary>Finds the replacement for the shortest mapped prefix of a text.</summary>
    public bool TryMapShortest(ReadOnlySpan<char> text, out string replacement)
    {
        Span<byte> utf8 = stackalloc byte[32];
        replacement = "";
        if (text.Length > 8) return false;
        var bytes = utf8[..Encoding.UTF8.GetBytes(text, utf8)];
        for (var length = 1; length <= bytes.Length; length++)
        {
            if (!TryMap(bytes[..length], out _, out var mapped)) continue;
            replacement = Encoding.UTF8.GetString(mapped);
            return true;
        }
        return false;
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & (1u << 9)) >> 6);
}
