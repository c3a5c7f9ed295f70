namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// GPT-2's printable alphabet for bytes: visible Latin-1 bytes map to themselves, the other 68 to characters from U+0100
/// on.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();
    private static readonly short[] Bytes = Invert();

    public static char CharacterOf(byte value) => Characters[value];

    /// <summary>The byte of a character, or -1.</summary>
    public static int ByteOf(char character) => character < Bytes.Length ? Bytes[character] : -1;

    public static string Spell(ReadOnlySpan<byte> bytes)
    {
        Span<char> characters = bytes.Length <= 256 ? stackalloc char[bytes.Length] : new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++) characters[i] = Characters[bytes[i]];
        return characters.ToString();
    }

    private static char[] Build()
    {
        var characters = new char[256];
        var hidden = 0;
        for (var b = 0; b < 256; b++)
        {
            var visible = b is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE;
            characters[b] = visible ? (char)b : (char)(0x100 + hidden++);
        }
        return characters;
    }

    private static short[] Invert()
    {
        var bytes = new short[0x200];
        Array.Fill(bytes, (short)-1);
        for (var b = 0; b < 256; b++) bytes[Characters[b]] = (short)b;
        return bytes;
    }
}
