using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Statistics;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Analysis;

/// <summary>A measured quantity: a benchmark as a whole, or one of its categories.</summary>
/// <param name="Benchmark">Index of the benchmark in the study.</param>
/// <param name="About">Its description.</param>
/// <param name="Category">The category; null for the whole.</param>
/// <param name="Only">Whether it is the study's only benchmark, so that its name can be omitted.</param>
public sealed record Measure(int Benchmark, BenchmarkDescription About, string? Category, bool Only)
{
    /// <summary>Name in files.</summary>
    public string Name => Only ? Category ?? "all" : Category is null ? About.Name : $"{About.Name}/{Category}";

    /// <summary>Scores of a run by question id, from 0 to 1.</summary>
    public IReadOnlyDictionary<string, double> ScoresOf(CellResult cell) => cell.Runs[Benchmark].ScoresIn(Category);
}

/// <summary>Score of an arm, in points.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measure">The measured quantity.</param>
/// <param name="Questions">Number of scored questions.</param>
/// <param name="Mean">Mean over questions and seeds; null without scores.</param>
/// <param name="Interval">Confidence interval of the mean; see <see cref="ScoreInterval"/>.</param>
/// <param name="Seeds">Mean of each seed.</param>
public sealed record ArmScore(StudyArm Arm, Measure Measure, int Questions, double? Mean, ConfidenceInterval? Interval,
    IReadOnlyList<(int Seed, double Mean)> Seeds)
{
    /// <summary>Variation of the seeds' means; null without scores.</summary>
    public SeedVariation? Variation => Seeds.Count > 0 ? SeedVariation.Of([.. Seeds.Select(s => s.Mean)]) : null;
}

/// <summary>Answers of an arm without a score, which are excluded from means.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="About">The benchmark.</param>
/// <param name="Missing">Number of answers without a score, over all seeds.</param>
/// <param name="Answers">Number of answers.</param>
/// <param name="Reasons">The reasons, most frequent first.</param>
public sealed record MissingScores(StudyArm Arm, BenchmarkDescription About, int Missing, int Answers,
    IReadOnlyList<string> Reasons);

/// <summary>Conclusion about a difference.</summary>
public enum ComparisonVerdict
{
    /// <summary>Undecided.</summary>
    Open,

    /// <summary>Significant: the interval excludes zero, and so does the test after correction for all comparisons.</summary>
    Different,

    /// <summary>Equivalent: the whole interval is within the margin.</summary>
    Unchanged,
}

/// <summary>Comparison of an arm with the reference over the same questions, in points.</summary>
/// <param name="Arm">The arm.</param>
/// <param name="Measure">The measured quantity.</param>
/// <param name="Paired">The paired comparison; scores from 0 to 1, averaged over the seeds.</param>
/// <param name="CorrectedP">The p-value after Holm's correction over all comparisons of the study.</param>
/// <param name="Verdict">The conclusion.</param>
/// <param name="SeedsAgree">Number of seed pairs in which the difference has the same sign.</param>
/// <param name="SeedPairs">Number of seeds that both arms have.</param>
public sealed record StudyComparison(StudyArm Arm, Measure Measure, PairedComparison Paired, double CorrectedP,
    ComparisonVerdict Verdict,
    int SeedsAgree, int SeedPairs)
{
    /// <summary>Score of the arm minus that of the reference, in points.</summary>
    public double Difference => Paired.Difference * Measure.About.Scale;

    /// <summary>Confidence interval of the difference, in points.</summary>
    public ConfidenceInterval Interval => Paired.Interval.Times(Measure.About.Scale);
}

/// <summary>Statistical analysis of a study's results.</summary>
/// <param name="Results">The results.</param>
/// <param name="Measures">The measured quantities, in the order of the tables.</param>
/// <param name="Scores">Every arm on every measure, arm by arm.</param>
/// <param name="Comparisons">Every arm except the reference compared with it, arm by arm.</param>
public sealed record StudyAnalysis(StudyResults Results, IReadOnlyList<Measure> Measures, IReadOnlyList<ArmScore> Scores,
    IReadOnlyList<StudyComparison> Comparisons)
{
    /// <summary>Significance level for corrected p-values.</summary>
    public const double Level = 0.05;

    // A benchmark with more categories is compared only as a whole: the correction for many comparisons would hide any effect.
    private const int MostCategories = 12;

    private static readonly string[] First = ["english", "chinese", "reasoning"]; // then the others in the order of the data

    /// <summary>The study.</summary>
    public Study Study => Results.Study;

    /// <summary>Answers without a score, by arm and benchmark.</summary>
    public IReadOnlyList<MissingScores> Missing =>
        [.. Results.Arms.SelectMany(arm => Results.Of(arm).SelectMany(cell => cell.Runs).GroupBy(run => run.Benchmark.Name)
            .Select(runs =>
            {
                var without = runs.SelectMany(run => run.Answers).Where(a => a.Score.Value is null).ToList();
                return new MissingScores(arm, runs.First().Benchmark, without.Count, runs.Sum(run => run.Answers.Count),
                    [.. without.CountBy(a => a.Score.Missing ?? "no answer").OrderByDescending(r => r.Value).Select(r => r.Key)]);
            })).Where(m => m.Missing > 0)];

    /// <summary>Score of an arm on a measure.</summary>
    public ArmScore Score(StudyArm arm, Measure measure) => Scores.First(s => s.Arm == arm && s.Measure == measure);

    /// <summary>Analyses results. Deterministic: all resampling uses a fixed seed.</summary>
    public static StudyAnalysis Of(StudyResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var measures = results.Cells[0].Runs.SelectMany((run, i) =>
            MeasuresOf(run, i, results.Cells[0].Runs.Count == 1)).ToList();
        var scores = results.Arms.SelectMany(arm => measures.Select(m => Score(results.Of(arm), arm, m))).ToList();
        return new(results, measures, scores, results.HasReference ? Compare(results, measures) : []);
    }

    private static IEnumerable<Measure> MeasuresOf(BenchmarkRun run, int place, bool only)
    {
        var categories = run.Categories;
        if (categories.Count is > 1 and <= MostCategories)
            foreach (var category in categories.OrderBy(c => Array.IndexOf(First, c) is >= 0 and var place ? place
                : First.Length))
                yield return new Measure(place, run.Benchmark, category, only);
        yield return new Measure(place, run.Benchmark, null, only);
    }

    private static ArmScore Score(IReadOnlyList<CellResult> cells, StudyArm arm, Measure measure)
    {
        var scale = measure.About.Scale;
        var seeds = cells.Select(c => (c.Cell.Seed, Scores: measure.ScoresOf(c))).Where(s => s.Scores.Count > 0).ToList();
        if (seeds.Count == 0) return new(arm, measure, 0, null, null, []);
        var questions = SeedVariation.MeanByQuestion(seeds.Select(s => s.Scores));
        var values = questions.OrderBy(q => q.Key, StringComparer.Ordinal).Select(q => q.Value).ToArray();
        return new(arm, measure, values.Length, values.Average() * scale,
            ScoreInterval.OfMean(values)?.Times(scale),
            [.. seeds.Select(s => (s.Seed, s.Scores.Values.Average() * scale))]);
    }

    private static List<StudyComparison> Compare(StudyResults results, List<Measure> measures)
    {
        var reference = results.Of(results.Study.Reference);
        var compared = new List<(StudyArm Arm, Measure Measure, PairedComparison Paired, int Agree, int Pairs)>();
        foreach (var arm in results.Arms.Where(a => a != results.Study.Reference))
            foreach (var measure in measures)
            {
                var cells = results.Of(arm);
                var (first, second) = (Means(reference, measure), Means(cells, measure));
                if (!first.Keys.Any(second.ContainsKey)) continue;
                var paired = PairedComparison.Of(first, second);
                var pairs = cells.Join(reference, c => c.Cell.Seed, c => c.Cell.Seed,
                        (c, r) => (Own: measure.ScoresOf(c), Other: measure.ScoresOf(r)))
                    .Where(p => p.Own.Count > 0 && p.Other.Count > 0)
                    .Select(p => p.Own.Values.Average() - p.Other.Values.Average()).ToList();
                compared.Add((arm, measure, paired, pairs.Count(d => Math.Sign(d) == Math.Sign(paired.Difference)), pairs.Count));
            }
        var corrected = Holm.Correct([.. compared.Select(c => c.Paired.PValue)]);
        return [.. compared.Zip(corrected, (c, p) => new StudyComparison(c.Arm, c.Measure, c.Paired, p,
            Judge(c.Paired, p, results.Study.Margin / 100), c.Agree, c.Pairs))];

        static IReadOnlyDictionary<string, double> Means(IReadOnlyList<CellResult> cells, Measure measure) =>
            SeedVariation.MeanByQuestion(cells.Select(measure.ScoresOf));
    }

    private static ComparisonVerdict Judge(PairedComparison paired, double p, double margin) =>
        paired.IsSure && p < Level ? ComparisonVerdict.Different
        : paired.Interval.Low > -margin && paired.Interval.High < margin ? ComparisonVerdict.Unchanged : ComparisonVerdict.Open;
}
