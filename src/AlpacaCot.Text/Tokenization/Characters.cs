using System.Globalization;
using System.Text;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Reading a string character by character (Unicode scalar values; a lone surrogate reads as U+FFFD).</summary>
internal static class Characters
{
    /// <summary>SentencePiece's visible space, U+2581.</summary>
    public const char Space = '\u2581';

    /// <summary>The scalar value at <paramref name="index"/> and how many UTF-16 units it takes.</summary>
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

    /// <summary>Writes the UTF-8 form of a scalar value and returns its length.</summary>
    public static int ToUtf8(int scalar, Span<byte> bytes) => new Rune(scalar).EncodeToUtf8(bytes);

    public static int Utf8Length(int scalar) => scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;

    /// <summary>The byte that a piece such as <c>&lt;0x0A&gt;</c> stands for, or -1.</summary>
    public static int ByteOf(string? piece) =>
        piece is { Length: 6 } && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
        && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, null, out var value) ? value : -1;

    public static string PieceOf(byte value) => $"<0x{value:X2}>";

    /// <summary>The ids of the 256 byte pieces, or null where the vocabulary lacks one of them.</summary>
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
