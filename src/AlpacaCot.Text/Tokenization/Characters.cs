using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Iterates over Unicode scalar values of a string; an unpaired surrogate reads as U+FFFD.</summary>
internal static class Characters
{
    /// <summary>SentencePiece's space mark, U+2581.</summary>
    public const char Space = '\u2581';

    /// <summary>The scalar value at <paramref name="index"/> and its length in UTF-16 units.</summary>
    public static int At(ReadOnlySpan<char> text, int index, out int length)
    {
        var c = text[index];
        length = 1;
        if (!char.IsSurrogate(c)) return c;
        if (char.IsHighSurrogate(c) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return char.ConvertToUtf32(c, text[index + 1]);
        }
        return 0xFFFD;
    }

    /// <summary>Encodes a scalar value in UTF-8 and returns the number of bytes.</summary>
    public static int ToUtf8(int scalar, Span<byte> bytes) => new Rune(scalar).EncodeToUtf8(bytes);

    public static int Utf8Length(int scalar) => scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;

    /// <summary>The byte of a byte piece such as <c>&lt;0x0A&gt;</c>, or -1.</summary>
    public static int ByteOf(string? piece) =>
        piece is { Length: 6 } && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
        && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, null, out var value) ? value : -1;

    public static string PieceOf(byte value) => $"<0x{value:X2}>";

    /// <summary>The ids of the 256 byte pieces; null if one is missing.</summary>
    public static int[]? BytePieces(Func<string, int?> find)
    {
        var ids = new int[256];
        for (var b = 0; b < 256; b++)
        {
            if (find(PieceOf((byte)b)) is not { } id) return null;
            ids[b] = id;
        }
        return ids;
    }
}
