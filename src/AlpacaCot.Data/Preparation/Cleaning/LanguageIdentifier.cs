using System.Collections.Frozen;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>An identified language.</summary>
/// <param name="Code">ISO 639-1 code, such as <c>en</c>; <c>und</c> if undetermined.</param>
/// <param name="Confidence">From 0 to 1: the share of the evidence that supports the language.</param>
public readonly record struct Language(string Code, double Confidence)
{
    /// <summary>Undetermined, as for numbers, code or a name.</summary>
    public static readonly Language Unknown = new("und", 0);
}

/// <summary>
/// Identifies the language of a text: by its predominant script and, for scripts shared by several languages, by characteristic
/// letters and function words. It needs no model file and processes a million characters in a few milliseconds. A sentence is
/// sufficient, a single word is not.
/// </summary>
public static class LanguageIdentifier
{
    private const int MostCharacters = 4096;   // the beginning is sufficient
    private const double UnspacedWeight = 3;   // one Chinese character counts like three Latin letters
    private const int MostOfOneLetter = 3;     // a variable "x" may repeat as often as the word "a"
    private const double Alike = 1e-9;

    /// <summary>The supported languages.</summary>
    public static IReadOnlyCollection<string> Languages { get; } =
        [.. LanguageTables.SmallWords.Keys.Concat(LanguageTables.Scripts.Select(script => script.Code))
            .Concat(LanguageTables.Letters.Select(letters => letters.Code))
            .Where(code => code.Length > 0).Distinct().Order(StringComparer.Ordinal)];

    private static readonly FrozenDictionary<string, (string Code, double Weight)[]> Words = CountWords();
    private static readonly FrozenDictionary<string, (string Code, double Weight)[]>.AlternateLookup<ReadOnlySpan<char>> ByWord =
        Words.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Identifies the language of a text.</summary>
    public static Language Identify(ReadOnlySpan<char> text)
    {
        if (text.Length > MostCharacters) text = text[..MostCharacters];
        Span<int> counts = stackalloc int[LanguageTables.Scripts.Length];
        var (latin, others) = (0, 0);
        foreach (var c in text)
        {
            if (!char.IsLetter(c)) continue;
            var script = c < 0x250 || c is >= '\u1E00' and <= '\u1EFF' ? LanguageTables.Latin : LanguageTables.ScriptOf(c);
            if (script == LanguageTables.Latin) latin++;
            else if (script >= 0) counts[script]++;
            else others++;
        }
        var (best, weight) = (LanguageTables.Latin, (double)latin);
        var total = weight + others;
        var kana = counts[LanguageTables.Kana];
        counts[LanguageTables.Han] += kana;   // Japanese uses both
        counts[LanguageTables.Kana] = 0;
        for (var i = 0; i < counts.Length; i++)
        {
            var own = counts[i] * (i == LanguageTables.Han ? UnspacedWeight : 1);
            total += own;
            if (own > weight) (best, weight) = (i, own);
        }
        if (weight == 0) return Language.Unknown;
        var share = weight / total;
        if (best == LanguageTables.Han)
            return new(kana > 0.1 * counts[best] ? "ja" : "zh", share);
        if (best != LanguageTables.Latin && LanguageTables.Scripts[best].Code is { Length: > 0 } only) return new(only, share);
        return OfSharedScript(text, best, share);
    }

    private static Language OfSharedScript(ReadOnlySpan<char> text, int script, double share)
    {
        var scores = new Dictionary<string, double>();
        var words = 0;
        Span<char> folded = stackalloc char[16];
        Span<int> ofOneLetter = stackalloc int[128];
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            while (i < text.Length && char.IsLetter(text[i])) i++;
            if (i == start)
            {
                i++;
                continue;
            }
            words++;
            var word = text[start..i];
            if (word.Length == 1 && char.IsAscii(word[0]) && !IsWord(text, start, ofOneLetter)) continue;
            if (word.Length <= folded.Length)
            {
                word.ToLowerInvariant(folded);
                if (ByWord.TryGetValue(folded[..word.Length], out var codes))
                    foreach (var (code, weight) in codes) Add(code, weight);
            }
            foreach (var c in word)
                if (c >= 0x80)
                    foreach (var (code, letters, weight) in LanguageTables.Letters)
                        if (letters.Contains(char.ToLowerInvariant(c))) Add(code, weight);
        }
        var sum = scores.Values.Sum();
        // A single function word among many words is no evidence: it may be a name, a quotation or code.
        if (sum == 0 || sum < 0.03 * words)
            return script == LanguageTables.Latin ? Language.Unknown : new(LanguageTables.Scripts[script].Common, share / 2);
        // A tie of words shared by many languages, such as "a", goes to English, by far the most frequent language.
        if (scores.TryGetValue("en", out var english) && english >= scores.Values.Max() - Alike)
            return new("en", share * english / sum);
        var (language, score) = scores.OrderByDescending(pair => pair.Value)
            .ThenBy(pair => pair.Key, StringComparer.Ordinal).First();
        return new(language, share * score / sum);

        void Add(string code, double weight)
        {
            if (LanguageTables.WrittenIn(code) == script) scores[code] = scores.GetValueOrDefault(code) + weight;
        }
    }

    // Single letters are words, but also notes, variables, options and initials; the latter are capital or next to a digit.
    private static bool IsWord(ReadOnlySpan<char> text, int at, Span<int> counts)
    {
        var letter = text[at];
        if (char.IsAsciiLetterUpper(letter) && letter is not ('A' or 'I')) return false;
        if (at > 0 && IsJoined(text[at - 1]) || at + 1 < text.Length && IsJoined(text[at + 1])) return false;
        return ++counts[char.ToLowerInvariant(letter)] <= MostOfOneLetter;

        static bool IsJoined(char c) => c == '_' || char.IsDigit(c);
    }

    // A word shared by several languages divides its weight among them.
    private static FrozenDictionary<string, (string, double)[]> CountWords() =>
        LanguageTables.SmallWords
            .SelectMany(list => list.Value.Split(' ').Distinct().Select(word => (Word: word, Code: list.Key)))
            .GroupBy(entry => entry.Word)
            .ToFrozenDictionary(group => group.Key, group => group.Select(entry => (entry.Code, 1.0 / group.Count())).ToArray());
}
