namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// Porter's stemmer (1980) with the modifications of NLTK, used by rouge_score: irregular words, and different rules for -ies,
/// -ied, -y and -alli.
/// </summary>
public static class PorterStemmer
{
    private static readonly Dictionary<string, string> Irregular = new()
    {
        ["sky"] = "sky", ["skies"] = "sky", ["dying"] = "die", ["lying"] = "lie", ["tying"] = "tie", ["news"] = "news",
        ["innings"] = "inning", ["inning"] = "inning", ["outings"] = "outing", ["outing"] = "outing", ["cannings"] = "canning",
        ["canning"] = "canning", ["howe"] = "howe", ["proceed"] = "proceed", ["exceed"] = "exceed", ["succeed"] = "succeed",
    };

    private static readonly (string Suffix, string With)[] Step2 =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
        ("alli", "al"),
        ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"),
        ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"),
        ("fulli", "ful"),
    ];

    private static readonly (string Suffix, string With)[] Step3 =
    [
        ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
    ];

    private static readonly string[] Step4 =
    [
        "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous",
        "ive", "ize",
    ];

    /// <summary>Stems a lower-case word.</summary>
    public static string Stem(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        if (Irregular.TryGetValue(word, out var known)) return known;
        if (word.Length <= 2) return word;
        word = Past(Plural(word));
        if (word.EndsWith('y') && word.Length > 2 && IsConsonant(word, word.Length - 2)) word = word[..^1] + "i";
        word = Replace(Second(word), Step3);
        return Final(Fourth(word));
    }

    private static string Plural(string word) => word switch
    {
        [_, 'i', 'e', 's'] => word[..^1],
        _ when word.EndsWith("sses", StringComparison.Ordinal) => word[..^2],
        _ when word.EndsWith("ies", StringComparison.Ordinal) => word[..^2],
        _ when word.EndsWith("ss", StringComparison.Ordinal) => word,
        _ when word.EndsWith('s') => word[..^1],
        _ => word,
    };

    private static string Past(string word)
    {
        if (word.EndsWith("ied", StringComparison.Ordinal)) return word.Length == 4 ? word[..^1] : word[..^2];
        if (word.EndsWith("eed", StringComparison.Ordinal)) return Measure(word[..^3]) > 0 ? word[..^1] : word;
        var stem = word.EndsWith("ed", StringComparison.Ordinal) ? word[..^2]
            : word.EndsWith("ing", StringComparison.Ordinal) ? word[..^3] : null;
        if (stem is null || !HasVowel(stem)) return word;
        if (stem.EndsWith("at", StringComparison.Ordinal) || stem.EndsWith("bl", StringComparison.Ordinal)
            || stem.EndsWith("iz", StringComparison.Ordinal)) return stem + "e";
        if (EndsDouble(stem)) return stem[^1] is 'l' or 's' or 'z' ? stem : stem[..^1];
        return Measure(stem) == 1 && EndsShort(stem) ? stem + "e" : stem;
    }

    private static string Second(string word)
    {
        // NLTK: -alli becomes -al before the rules are applied, repeatedly.
        while (word.EndsWith("alli", StringComparison.Ordinal) && Measure(word[..^4]) > 0) word = word[..^2];
        if (word.EndsWith("logi", StringComparison.Ordinal)) return Measure(word[..^3]) > 0 ? word[..^1] : word;
        return Replace(word, Step2);
    }

    private static string Fourth(string word)
    {
        foreach (var suffix in Step4.OrderByDescending(s => s.Length))
            if (word.EndsWith(suffix, StringComparison.Ordinal))
            {
                var stem = word[..^suffix.Length];
                return Measure(stem) > 1 && (suffix != "ion" || stem is [.., 's' or 't']) ? stem : word;
            }
        return word;
    }

    private static string Final(string word)
    {
        if (word.EndsWith('e') && word[..^1] is var stem
            && (Measure(stem) > 1 || (Measure(stem) == 1 && !EndsShort(stem)))) word = stem;
        return word.EndsWith("ll", StringComparison.Ordinal) && Measure(word[..^1]) > 1 ? word[..^1] : word;
    }

    // The longest matching suffix decides, even if its condition fails.
    private static string Replace(string word, (string Suffix, string With)[] rules)
    {
        foreach (var (suffix, with) in rules.OrderByDescending(r => r.Suffix.Length))
            if (word.EndsWith(suffix, StringComparison.Ordinal))
                return Measure(word[..^suffix.Length]) > 0 ? word[..^suffix.Length] + with : word;
        return word;
    }

    private static bool IsConsonant(string word, int at) => word[at] switch
    {
        'a' or 'e' or 'i' or 'o' or 'u' => false,
        'y' => at == 0 || !IsConsonant(word, at - 1),
        _ => true,
    };

    /// <summary>Porter's measure: the number of vowel-consonant sequences.</summary>
    private static int Measure(string stem) =>
        Enumerable.Range(1, Math.Max(0, stem.Length - 1)).Count(i => IsConsonant(stem, i) && !IsConsonant(stem, i - 1));

    private static bool HasVowel(string stem) => Enumerable.Range(0, stem.Length).Any(i => !IsConsonant(stem, i));

    private static bool EndsDouble(string word) => word.Length >= 2 && word[^1] == word[^2] && IsConsonant(word, word.Length - 1);

    // Consonant, vowel, consonant other than w, x, y; in NLTK also a vowel and a consonant alone.
    private static bool EndsShort(string word) =>
        word.Length >= 3 ? IsConsonant(word, word.Length - 3) && !IsConsonant(word, word.Length - 2)
            && IsConsonant(word, word.Length - 1) && word[^1] is not ('w' or 'x' or 'y')
        : word.Length == 2 && !IsConsonant(word, 0) && IsConsonant(word, 1);
}
