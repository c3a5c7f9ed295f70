using System.Globalization;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>The agreement of a judge with human grades of the same answers.</summary>
/// <param name="Answers">The number of answers with both grades.</param>
/// <param name="Same">The share of equal grades.</param>
/// <param name="Kappa">Cohen's kappa (1960): agreement beyond chance, 1 for full agreement; null where the expected agreement is
/// 1.</param>
/// <param name="Correlation">Spearman's rank correlation; null where one side's grades are all equal.</param>
public sealed record JudgeAgreement(int Answers, double Same, double? Kappa, double? Correlation)
{
    /// <summary>Compares the scores of a run with human grades of the same answers.</summary>
    /// <param name="run">The graded run.</param>
    /// <param name="path">Records of <c>id</c> and <c>grade</c>, in the unit that the benchmark shows.</param>
    /// <exception cref="InputException">A record lacks a field, or no answer has both grades.</exception>
    public static JudgeAgreement Of(BenchmarkRun run, string path)
    {
        ArgumentNullException.ThrowIfNull(run);
        var scores = run.Scores;
        var pairs = new List<(double Judge, double Human)>();
        foreach (var record in InputBoundary.Each(path, PublishedFile.Records(path)))
        {
            if (!double.TryParse(record.Text("grade", "score", "label"), NumberStyles.Float, CultureInfo.InvariantCulture,
                out var grade))
                throw record.Bad("its grade is not a number");
            if (scores.TryGetValue(record.Text("id"), out var score)) pairs.Add((Math.Round(score * run.Benchmark.Scale, 9),
                grade));
        }
        return pairs.Count > 0 ? Of(pairs) : throw new InputException($"{path}: no id matches a graded answer.");
    }

    /// <summary>Compares grades, one pair for each answer.</summary>
    public static JudgeAgreement Of(IReadOnlyList<(double Judge, double Human)> grades)
    {
        ArgumentNullException.ThrowIfNull(grades);
        var n = grades.Count;
        if (n == 0) return new(0, 0, null, null);
        var same = (double)grades.Count(g => g.Judge == g.Human) / n;
        var chance = grades.Select(g => g.Human).Distinct()
            .Sum(v => (double)grades.Count(g => g.Judge == v) * grades.Count(g => g.Human == v) / n / n);
        return new(n, same, chance < 1 ? (same - chance) / (1 - chance) : null,
            Correlate(Ranks([.. grades.Select(g => g.Judge)]), Ranks([.. grades.Select(g => g.Human)])));
    }

    // Equal values share the mean of their ranks.
    private static double[] Ranks(double[] values) =>
        [.. values.Select(v => values.Count(o => o < v) + (values.Count(o => o == v) + 1) / 2.0)];

    private static double? Correlate(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        var (aa, bb) = (a.Sum(v => (v - meanA) * (v - meanA)), b.Sum(v => (v - meanB) * (v - meanB)));
        return aa > 0 && bb > 0 ? a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum() / Math.Sqrt(aa * bb) : null;
    }
}
