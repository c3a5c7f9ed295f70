using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Scores multiple-choice questions, by log-likelihood or from generated text.</summary>
internal static class ChoiceScoring
{
    /// <summary>
    /// Scores whether the most probable choice is the reference: <c>acc</c> by the sum over its tokens, <c>acc_norm</c> by
    /// the sum per character, which removes the advantage of short choices.
    /// </summary>
    public static QuestionScore ByLikelihood(BenchmarkQuestion question, BenchmarkResponse response, bool normalized)
    {
        var raw = Best(response.Choices, c => c.LogLikelihood);
        var norm = Best(response.Choices, c => c.LogLikelihood / Math.Max(1, c.Characters));
        double Right(int choice) => question.References.Contains(question.Choices[choice]) ? 1 : 0;
        var best = normalized ? norm : raw;
        return new(Right(best), question.Choices[best].Trim())
        {
            Measures = new Dictionary<string, double> { ["acc"] = Right(raw), ["acc_norm"] = Right(norm) },
        };
    }

    /// <summary>Scores whether a generated answer chooses the reference's letter, as <c>B</c> or <c>(B)</c>.</summary>
    public static QuestionScore ByLetter(BenchmarkQuestion question, BenchmarkResponse response, char last)
    {
        var letter = AnswerRules.ChosenLetter(response.Text, last);
        return QuestionScore.Of(letter is not null && question.References.Any(r => r.Trim(' ', '(', ')') == letter), letter);
    }

    private static int Best(IReadOnlyList<ChoiceLikelihood> choices, Func<ChoiceLikelihood, double> value) =>
        Enumerable.Range(0, choices.Count).MaxBy(i => value(choices[i]));
}
