using System.Globalization;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Finds matches in a text. Thread-safe.</summary>
internal interface ITextPattern
{
    /// <summary>Appends the matches in <c>text[start..end]</c>, in order and without overlap, as ranges of the text.</summary>
    void Find(string text, int start, int end, List<(int Start, int End)> matches);
}

/// <summary>Character classes distinguished by the published word patterns.</summary>
internal static class WordCharacter
{
    public const byte Other = 0, Letter = 1, Number = 2, Space = 3;

    private static readonly byte[] Plane0 = Build();

    /// <summary>Class of the character at a position and its length in UTF-16 units.</summary>
    public static byte At(ReadOnlySpan<char> text, int at, out int length)
    {
        length = 1;
        var c = text[at];
        if (!char.IsHighSurrogate(c) || at + 1 >= text.Length || !char.IsLowSurrogate(text[at + 1])) return Plane0[c];
        length = 2;
        return Of(CharUnicodeInfo.GetUnicodeCategory(char.ConvertToUtf32(c, text[at + 1])));
    }

    private static byte[] Build()
    {
        var classes = new byte[0x10000];
        for (var c = 0; c < classes.Length; c++)
            classes[c] = char.IsWhiteSpace((char)c) ? Space : Of(CharUnicodeInfo.GetUnicodeCategory((char)c));
        return classes;
    }

    private static byte Of(UnicodeCategory category) => category <= UnicodeCategory.OtherLetter ? Letter
        : category is >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber ? Number : Other;
}

/// <summary>
/// Hand-written scanner for the word patterns of GPT-2 and of cl100k and its variants (Llama 3, Qwen 2): the matches partition
/// the text and are found in one pass.
/// </summary>
internal sealed class WordPattern : ITextPattern
{
    private const string Gpt2Tail = @"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private const string ModernHead = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|";

    private const string ModernTail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";

    /// <summary>GPT-2's pattern, also used by <c>ByteLevel</c>.</summary>
    public static WordPattern Gpt2 { get; } = new(modern: false, 0);

    /// <summary>cl100k and Llama 3: numbers in groups of up to three digits.</summary>
    public static WordPattern Cl100k { get; } = new(modern: true, 3);

    /// <summary>Qwen: like cl100k, but single digits.</summary>
    public static WordPattern Qwen { get; } = new(modern: true, 1);

    private readonly bool _modern;
    private readonly int _digits;

    private WordPattern(bool modern, int digits) => (_modern, _digits) = (modern, digits);

    /// <summary>The scanner equivalent to a regular expression; null if there is none.</summary>
    public static WordPattern? Find(string regex)
    {
        if (regex.EndsWith(Gpt2Tail, StringComparison.Ordinal)
            && regex[..^Gpt2Tail.Length] is "'s|'t|'re|'ve|'m|'ll|'d" or "'(?:[sdmt]|ll|ve|re)") return Gpt2;
        // Possessive quantifiers change only the speed of these patterns, and the last newline of a run ends it in both variants.
        var plain = regex.Replace("?+", "?", StringComparison.Ordinal).Replace("++", "+", StringComparison.Ordinal)
            .Replace(@"\s*[\r\n]+|", @"\s*[\r\n]|", StringComparison.Ordinal)
            .Replace("'(?i:[sdmt]|ll|ve|re)", "(?i:'s|'t|'re|'ve|'m|'ll|'d)", StringComparison.Ordinal);
        return plain switch
        {
            ModernHead + @"\p{N}{1,3}" + ModernTail => Cl100k,
            ModernHead + @"\p{N}" + ModernTail => Qwen,
            _ => null,
        };
    }

    public void Find(string text, int start, int end, List<(int Start, int End)> matches)
    {
        var span = text.AsSpan(0, end);
        while (start < end)
        {
            var stop = _modern ? Modern(span, start) : Classic(span, start);
            matches.Add((start, stop));
            start = stop;
        }
    }

    private static int Classic(ReadOnlySpan<char> text, int at)
    {
        if (text[at] == '\'' && Contraction(text, at, ignoreCase: false) is > 0 and var contraction) return at + contraction;
        var first = text[at] == ' ' && at + 1 < text.Length ? at + 1 : at;
        var kind = WordCharacter.At(text, first, out _);
        return kind == WordCharacter.Space ? Spaces(text, at) : Run(text, first, kind, int.MaxValue);
    }

    private int Modern(ReadOnlySpan<char> text, int at)
    {
        var c = text[at];
        if (c == '\'' && Contraction(text, at, ignoreCase: true) is > 0 and var contraction) return at + contraction;
        var kind = WordCharacter.At(text, at, out var length);
        if (kind == WordCharacter.Letter) return Run(text, at, kind, int.MaxValue);
        if (kind == WordCharacter.Number) return Run(text, at, kind, _digits);
        var next = at + length;
        var nextKind = next < text.Length ? WordCharacter.At(text, next, out _) : WordCharacter.Space;
        if (c is not ('\r' or '\n') && nextKind == WordCharacter.Letter) return Run(text, next, nextKind, int.MaxValue);
        if (kind == WordCharacter.Other || (c == ' ' && nextKind == WordCharacter.Other))
        {
            var end = Run(text, kind == WordCharacter.Other ? at : next, WordCharacter.Other, int.MaxValue);
            while (end < text.Length && text[end] is '\r' or '\n') end++;
            return end;
        }
        var spaces = SpacesEnd(text, at);
        var newline = text[at..spaces].LastIndexOfAny('\r', '\n');
        return newline >= 0 ? at + newline + 1 : Spaces(text, at);
    }

    private static int Run(ReadOnlySpan<char> text, int at, byte kind, int most)
    {
        while (at < text.Length && most-- > 0 && WordCharacter.At(text, at, out var length) == kind) at += length;
        return at;
    }

    // White space up to the last character before a word, which belongs to the word or is a separate match.
    private static int Spaces(ReadOnlySpan<char> text, int at)
    {
        var end = SpacesEnd(text, at);
        return end == text.Length || end == at + 1 ? end : end - 1;
    }

    private static int SpacesEnd(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
        return at;
    }

    private static int Contraction(ReadOnlySpan<char> text, int at, bool ignoreCase)
    {
        var one = Letter(text, at + 1, ignoreCase);
        if (one is 's' or 't' or 'm' or 'd') return 2;
        var two = Letter(text, at + 2, ignoreCase);
        return (one, two) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }

    // U+017F, the long s, folds to s.
    private static char Letter(ReadOnlySpan<char> text, int at, bool ignoreCase) => at >= text.Length ? '\0'
        : !ignoreCase ? text[at] : text[at] == '\u017F' ? 's' : char.ToLowerInvariant(text[at]);
}
