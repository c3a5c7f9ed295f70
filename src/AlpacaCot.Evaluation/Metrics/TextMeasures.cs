using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Preparation.Cleaning;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>What can be said of an answer without knowing the right one.</summary>
public static class TextMeasures
{
    /// <summary>
    /// The measures of an answer: <c>characters</c>, <c>words</c> (characters of scripts without spaces count as words),
    /// <c>repetition</c>, <c>rationale</c> and, where the question's language is known, <c>same_language</c>.
    /// </summary>
    public static IReadOnlyDictionary<string, double> Of(string question, string answer)
    {
        var measures = new Dictionary<string, double>
        {
            ["characters"] = answer.EnumerateRunes().Count(),
            ["words"] = MetricTokens.Words(answer).Count,
            ["repetition"] = Repetition(answer),
            ["rationale"] = HasRationale(answer) ? 1 : 0,
        };
        if (IsInLanguageOf(question, answer) is { } same) measures["same_language"] = same ? 1 : 0;
        return measures;
    }

    /// <summary>
    /// The share of word n-grams that stood before in the same text (1 less the distinct share): 0 for a text that never repeats
    /// four words, near 1 for a loop.
    /// </summary>
    public static double Repetition(string text, int n = 4)
    {
        var words = MetricTokens.Words(text);
        return words.Count < n ? 0 : 1 - (double)NgramCounts.Of(words, n).Count / (words.Count - n + 1);
    }

    /// <summary>Whether a text reasons before it concludes: at least five words stand before what says "the answer is".</summary>
    public static bool HasRationale(string text) =>
        CotAnswer.Split(text) is { } parts && MetricTokens.Words(parts.Rationale).Count >= 5;

    /// <summary>
    /// Whether an answer is in the language of its question, such as Chinese for Chinese; null where the question's language is
    /// not told or the answer has no words to tell it by, as a number has not.
    /// </summary>
    public static bool? IsInLanguageOf(string question, string answer)
    {
        var (asked, said) = (LanguageIdentifier.Identify(question), LanguageIdentifier.Identify(answer));
        if (asked.Code == Language.Unknown.Code || asked.Confidence < 0.5) return null;
        if (said.Code != Language.Unknown.Code) return asked.Code == said.Code;
        // A short answer may not tell its language, but its script does.
        return answer.Any(char.IsLetter) && asked.Code == "zh" ? answer.Any(c => c is >= '\u4E00' and <= '\u9FFF') : null;
    }
}
