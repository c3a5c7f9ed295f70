using AlpacaCot.Data.Collection;
using AlpacaCot.Data.Preparation.Cleaning;

namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Reference-free measures of an answer.</summary>
public static class TextMeasures
{
    /// <summary>
    /// Computes <c>characters</c>, <c>words</c> (characters of scripts without spaces count as words), <c>repetition</c>,
    /// <c>rationale</c> and, if the question's language is known, <c>same_language</c>.
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
    /// Share of repeated word n-grams (1 minus the distinct share): 0 for a text without repeated 4-grams, close to 1 for a
    /// loop.
    /// </summary>
    public static double Repetition(string text, int n = 4)
    {
        var words = MetricTokens.Words(text);
        return words.Count < n ? 0 : 1 - (double)NgramCounts.Of(words, n).Count / (words.Count - n + 1);
    }

    /// <summary>Whether a text reasons before it concludes: at least five words precede "the answer is".</summary>
    public static bool HasRationale(string text) =>
        CotAnswer.Split(text) is { } parts && MetricTokens.Words(parts.Rationale).Count >= 5;

    /// <summary>
    /// Whether an answer is in the language of its question; null if the question's language is undetermined or the answer has no
    /// words, such as a number.
    /// </summary>
    public static bool? IsInLanguageOf(string question, string answer)
    {
        var (asked, said) = (LanguageIdentifier.Identify(question), LanguageIdentifier.Identify(answer));
        if (asked.Code == Language.Unknown.Code || asked.Confidence < 0.5) return null;
        if (said.Code != Language.Unknown.Code) return asked.Code == said.Code;
        // A short answer may not identify its language, but its script does.
        return answer.Any(char.IsLetter) && asked.Code == "zh" ? answer.Any(c => c is >= '\u4E00' and <= '\u9FFF') : null;
    }
}
