using System.Globalization;
using System.Numerics;

namespace AlpacaCot.Data.Preparation;

/// <summary>A word, a character of a script without spaces, or a symbol.</summary>
/// <param name="Hash">64-bit hash of its letters, ignoring case and width.</param>
/// <param name="Start">Index of its first character in the text.</param>
/// <param name="End">Index after its last character.</param>
/// <param name="Unspaced">Whether it is a character of a script without spaces, such as Chinese.</param>
internal readonly record struct TextUnit(ulong Hash, int Start, int End, bool Unspaced);

/// <summary>
/// Splits text into units for comparison: words in scripts with spaces, single characters in others (Chinese, Japanese, Thai,
/// Lao, Burmese, Khmer). Case, width, spaces and punctuation are ignored; symbols that change the meaning, as in
/// <c>3 + 5</c> and <c>3 - 5</c>, are units.
/// </summary>
internal static class TextUnits
{
    private const byte Nothing = 0, Word = 1, Unspaced = 2, Symbol = 3;

    private static readonly byte[] Kinds = [.. Enumerable.Range(0, 0x10000).Select(c => KindOf((char)c))];
    private static readonly char[] Folded = [.. Enumerable.Range(0, 0x10000).Select(c => Fold((char)c))];

    /// <summary>Scans a text into a list, which is cleared first.</summary>
    public static void Scan(ReadOnlySpan<char> text, List<TextUnit> units)
    {
        units.Clear();
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            var c = text[i++];
            switch (Kinds[c])
            {
                case Word:
                    var hash = Add(0, c);
                    for (; i < text.Length && Kinds[text[i]] == Word; i++) hash = Add(hash, text[i]);
                    units.Add(new(Mix(hash), start, i, Unspaced: false));
                    break;
                case Unspaced:
                    units.Add(new(Mix(Folded[c]), start, i, Unspaced: true));
                    break;
                case Symbol when char.IsHighSurrogate(c) && i < text.Length && char.IsLowSurrogate(text[i]):
                    var rare = char.ConvertToUtf32(c, text[i++]);
                    units.Add(new(Mix((ulong)rare), start, i,
                        Unspaced: rare is >= 0x20000 and < 0x33480));   // Han, planes 2 and 3
                    break;
                case Symbol:
                    while (i < text.Length && text[i] == c) i++;   // a run of one symbol is a rule or emphasis
                    units.Add(new(Mix(Folded[c]), start, i, Unspaced: false));
                    break;
            }
        }
    }

    /// <summary>Mixes the bits of a number (the finalizer of splitmix64).</summary>
    public static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    private static ulong Add(ulong hash, char c) => (BitOperations.RotateLeft(hash, 5) ^ Folded[c]) * 0x9FB21C651E98DF25;

    private static char Fold(char c) => char.ToLowerInvariant(c is >= '\uFF01' and <= '\uFF5E' ? (char)(c - 0xFEE0) : c);

    private static byte KindOf(char c)
    {
        if (IsUnspaced(c)) return Unspaced;
        if (c is >= '\u2500' and <= '\u259F') return Nothing;   // box drawing: table borders do not make texts similar
        var folded = Fold(c);
        if (folded != '_' && "+-*/=<>^%$#@&|~\\".Contains(folded)) return Symbol;
        return char.GetUnicodeCategory(folded) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter or UnicodeCategory.NonSpacingMark
                or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark or UnicodeCategory.DecimalDigitNumber
                or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber or UnicodeCategory.ConnectorPunctuation => Word,
            UnicodeCategory.MathSymbol or UnicodeCategory.CurrencySymbol or UnicodeCategory.OtherSymbol
                or UnicodeCategory.Surrogate => Symbol,
            _ => Nothing,
        };
    }

    private static bool IsUnspaced(char c) => c is >= '\u4E00' and <= '\u9FFF' or >= '\u3400' and <= '\u4DBF'
        or >= '\uF900' and <= '\uFAFF' or '\u3005' or '\u3006' or '\u3007'
        or >= '\u3041' and <= '\u30FA' or >= '\u30FC' and <= '\u30FF'
        or >= '\u31F0' and <= '\u31FF' or >= '\uFF66' and <= '\uFF9D'
        or >= '\u0E01' and <= '\u0E4E' or >= '\u0E81' and <= '\u0ECD'
        or >= '\u1000' and <= '\u1049' or >= '\u1780' and <= '\u17D3';
}
