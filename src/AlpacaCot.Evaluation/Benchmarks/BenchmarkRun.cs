using AlpacaCot.Evaluation.Statistics;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>A question with what a model gave for it and the score of that.</summary>
/// <param name="Question">What was asked.</param>
/// <param name="Response">What the model gave.</param>
/// <param name="Score">How good it is.</param>
public sealed record ScoredAnswer(BenchmarkQuestion Question, BenchmarkResponse Response, QuestionScore Score);

/// <summary>The scores of one category, or of all questions.</summary>
/// <param name="Category">The category; null for all.</param>
/// <param name="Questions">Questions with a score.</param>
/// <param name="Missing">Questions without one.</param>
/// <param name="Mean">The mean score from 0 to 1; null where no question has one.</param>
/// <param name="Interval">
/// Of the mean: Wilson's where answers are right or wrong, by bootstrap over the questions where they are graded.
/// </param>
/// <param name="Measures">Means of the further measures.</param>
public sealed record CategoryScore(string? Category, int Questions, int Missing, double? Mean, ConfidenceInterval? Interval,
    IReadOnlyDictionary<string, double> Measures);

/// <summary>What a model scored on a benchmark, question by question.</summary>
/// <param name="Benchmark">The benchmark's description.</param>
/// <param name="Model">What answered: the identity of an <see cref="IAnswerer"/>.</param>
/// <param name="Answers">Every question with its answer, in the order of the data.</param>
public sealed record BenchmarkRun(BenchmarkDescription Benchmark, string Model, IReadOnlyList<ScoredAnswer> Answers)
{
    /// <summary>
    /// The scores by question id, for comparisons over the same questions; questions without a score are not in it.
    /// </summary>
    public IReadOnlyDictionary<string, double> Scores => ScoresIn(null);

    /// <summary>The categories in the order of the data.</summary>
    public IReadOnlyList<string> Categories => [.. Answers.Select(a => a.Question.Category).Distinct()];

    /// <summary>Questions whose prompts were longer than the model reads, and were put to it without a part.</summary>
    public int Shortened => Answers.Count(a => a.Response.Shortened);

    /// <summary>The scores of one category by question id; of all without one.</summary>
    public IReadOnlyDictionary<string, double> ScoresIn(string? category) =>
        In(category).Where(a => a.Score.Value is not null).ToDictionary(a => a.Question.Id, a => a.Score.Value!.Value);

    /// <summary>The mean score of a category, or of all questions, with its interval.</summary>
    public CategoryScore Summary(string? category = null, long seed = 42)
    {
        var answers = In(category).ToList();
        var values = answers.Where(a => a.Score.Value is not null).Select(a => a.Score.Value!.Value).ToArray();
        var measures = answers.SelectMany(a => a.Score.Measures).GroupBy(m => m.Key, m => m.Value)
            .OrderBy(m => m.Key, StringComparer.Ordinal).ToDictionary(m => m.Key, m => m.Average());
        return new(category, values.Length, answers.Count - values.Length, values.Length > 0 ? values.Average() : null,
            Interval(values, seed), measures);
    }

    /// <summary>The plain mean of the categories' means; null where a category has no score at all.</summary>
    public double? MeanOfCategories
    {
        get
        {
            var means = Categories.Select(c => Mean(ScoresIn(c))).ToList();
            return means.Count > 0 && means.All(m => m is not null) ? means.Average() : null;
        }
    }

    /// <summary>The figure that the benchmark is known by, from 0 to 1; null where there is none.</summary>
    public double? Headline => Benchmark.MeanOfCategories ? MeanOfCategories : Mean(Scores);

    // Right or wrong has a formula; of grades that are all equal nothing can be said.
    private static ConfidenceInterval? Interval(double[] values, long seed) =>
        values.Length == 0 ? null
        : Array.TrueForAll(values, v => v is 0 or 1) ? Proportion.Interval((int)values.Sum(), values.Length)
        : Array.TrueForAll(values, v => v == values[0]) ? null
        : Bootstrap.OfMean(values, new DeterministicRandom(seed));

    private static double? Mean(IReadOnlyDictionary<string, double> scores) => scores.Count > 0 ? scores.Values.Average() : null;

    private IEnumerable<ScoredAnswer> In(string? category) =>
        Answers.Where(a => category is null || a.Question.Category == category);
}
