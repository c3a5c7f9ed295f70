using AlpacaCot.Evaluation.Statistics;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>A question with the model's response and its score.</summary>
/// <param name="Question">The question.</param>
/// <param name="Response">The model's response.</param>
/// <param name="Score">The score of the response.</param>
public sealed record ScoredAnswer(BenchmarkQuestion Question, BenchmarkResponse Response, QuestionScore Score);

/// <summary>Aggregate scores of one category, or of all questions.</summary>
/// <param name="Category">The category; null for all.</param>
/// <param name="Questions">Number of scored questions.</param>
/// <param name="Missing">Number of questions without a score.</param>
/// <param name="Mean">Mean score from 0 to 1; null without scored questions.</param>
/// <param name="Interval">
/// Confidence interval of the mean; see <see cref="ScoreInterval"/>.
/// </param>
/// <param name="Measures">Means of the additional measures.</param>
public sealed record CategoryScore(string? Category, int Questions, int Missing, double? Mean, ConfidenceInterval? Interval,
    IReadOnlyDictionary<string, double> Measures);

/// <summary>Result of a model on a benchmark, question by question.</summary>
/// <param name="Benchmark">The benchmark's description.</param>
/// <param name="Model">Identity of the <see cref="IAnswerer"/>.</param>
/// <param name="Answers">All questions with their answers, in the order of the data.</param>
public sealed record BenchmarkRun(BenchmarkDescription Benchmark, string Model, IReadOnlyList<ScoredAnswer> Answers)
{
    /// <summary>
    /// Scores by question id, for paired comparisons; questions without a score are omitted.
    /// </summary>
    public IReadOnlyDictionary<string, double> Scores => ScoresIn(null);

    /// <summary>The categories, in the order of the data.</summary>
    public IReadOnlyList<string> Categories => [.. Answers.Select(a => a.Question.Category).Distinct()];

    /// <summary>Number of questions whose prompt exceeded the model's context and was shortened.</summary>
    public int Shortened => Answers.Count(a => a.Response.Shortened);

    /// <summary>Scores by question id of one category; null: of all.</summary>
    public IReadOnlyDictionary<string, double> ScoresIn(string? category) =>
        In(category).Where(a => a.Score.Value is not null).ToDictionary(a => a.Question.Id, a => a.Score.Value!.Value);

    /// <summary>Mean score with interval of one category, or of all questions.</summary>
    public CategoryScore Summary(string? category = null, long seed = 42)
    {
        var answers = In(category).ToList();
        var values = answers.Where(a => a.Score.Value is not null).Select(a => a.Score.Value!.Value).ToArray();
        var measures = answers.SelectMany(a => a.Score.Measures).GroupBy(m => m.Key, m => m.Value)
            .OrderBy(m => m.Key, StringComparer.Ordinal).ToDictionary(m => m.Key, m => m.Average());
        return new(category, values.Length, answers.Count - values.Length, values.Length > 0 ? values.Average() : null,
            ScoreInterval.OfMean(values, seed), measures);
    }

    /// <summary>Unweighted mean of the categories' means; null if a category has no score.</summary>
    public double? MeanOfCategories
    {
        get
        {
            var means = Categories.Select(c => Mean(ScoresIn(c))).ToList();
            return means.Count > 0 && means.All(m => m is not null) ? means.Average() : null;
        }
    }

    /// <summary>The benchmark's official score, from 0 to 1; null without scores.</summary>
    public double? Headline => Benchmark.MeanOfCategories ? MeanOfCategories : Mean(Scores);

    private static double? Mean(IReadOnlyDictionary<string, double> scores) => scores.Count > 0 ? scores.Values.Average() : null;

    private IEnumerable<ScoredAnswer> In(string? category) =>
        Answers.Where(a => category is null || a.Question.Category == category);
}
