using System.Text.RegularExpressions;
using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Scores free-text answers according to the type of the reference: a letter, yes or no, a number, or text.</summary>
internal static partial class AnswerScoring
{
    /// <summary>Whether an answer agrees with one of the references.</summary>
    public static QuestionScore Score(string text, IReadOnlyList<string> references)
    {
        var scores = references.Select(r => Score(text, r)).ToList();
        return scores.Find(s => s.Value == 1) ?? scores[0];
    }

    private static QuestionScore Score(string text, string reference)
    {
        var right = reference.Trim();
        if (Letter.Match(right) is { Success: true } letter)
        {
            var chosen = AnswerRules.ChosenLetter(text, 'H');
            return QuestionScore.Of(chosen == letter.Groups["l"].Value, chosen);
        }
        if (right.ToLowerInvariant() is "yes" or "no")
        {
            var said = YesOrNo(text);
            return QuestionScore.Of(right.Equals(said, StringComparison.OrdinalIgnoreCase), said);
        }
        if (NumericAnswer.IsNumber(right)) return ByNumber(text, [right]);
        var first = FirstAnswer.Of(text);
        var conclusion = CotAnswer.Split(first)?.Answer;
        return QuestionScore.Of(ExactMatch.IsRight(text, right)
            || (conclusion is not null && ExactMatch.IsRight(conclusion, right)),
            conclusion ?? first.Trim());
    }

    /// <summary>Whether the number of a text has the value of one of the references.</summary>
    public static QuestionScore ByNumber(string text, IReadOnlyList<string> references)
    {
        var number = NumericAnswer.Extract(text);
        return QuestionScore.Of(number is not null && references.Any(r => NumericAnswer.AreEqual(number, r)), number);
    }

    /// <summary>
    /// The yes or no that a text's first answer concludes with, else its first word, else the first occurrence; null if there is
    /// none.
    /// </summary>
    public static string? YesOrNo(string text)
    {
        text = FirstAnswer.Of(text);
        var concluded = CotAnswer.Split(text)?.Answer is { } answer ? AnswerRules.FirstYesOrNo(answer) : "";
        if (concluded.Length > 0) return concluded;
        return AnswerRules.FirstYesOrNo(text.Replace('!', '.').Replace(';', '.')) is { Length: > 0 } first ? first
            : text.TrimStart() is ['是' or '对', ..] ? "yes" : text.TrimStart() is ['否' or '不', ..] ? "no" : null;
    }

    [GeneratedRegex(@"^\(?(?<l>[A-H])\)?$")]
    private static partial Regex Letter { get; }
}
