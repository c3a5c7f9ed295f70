using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Report;

/// <summary>A question with the answers of all arms.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answers">Answer of each arm with its first seed.</param>
/// <param name="Scale">Displayed value of a score of 1.</param>
internal sealed record AnswerSample(BenchmarkQuestion Question, IReadOnlyList<(StudyArm Arm, ScoredAnswer Answer)> Answers,
    double Scale);

/// <summary>Selects questions on which the arms differ, in both directions, by a fixed rule.</summary>
internal static class AnswerSamples
{
    private const int PerCategory = 4, Most = 24;

    /// <summary>Per category, the first questions on which another arm scores lower than the reference, and the first on
    /// which one scores higher.</summary>
    public static IReadOnlyList<AnswerSample> Of(StudyAnalysis analysis)
    {
        if (!analysis.Results.HasReference) return [];
        var firsts = analysis.Results.Arms.Select(arm => (Arm: arm, Cell: analysis.Results.Of(arm)[0])).ToList();
        var reference = firsts.First(f => f.Arm == analysis.Study.Reference);
        var samples = new List<AnswerSample>();
        for (var b = 0; b < analysis.Study.Benchmarks.Count; b++)
        {
            var byId = firsts.Select(f => f.Cell.Runs[b].Answers.ToDictionary(a => a.Question.Id)).ToList();
            foreach (var category in reference.Cell.Runs[b].Answers.GroupBy(a => a.Question.Category))
            {
                var told = category.Where(a => byId.All(answers => answers.ContainsKey(a.Question.Id)))
                    .Select(a => (Answer: a, Others: byId.Where((_, i) => firsts[i].Arm != reference.Arm)
                        .Select(answers => answers[a.Question.Id].Score.Value).ToList())).ToList();
                var better = told.Where(t => t.Others.Any(o => o < t.Answer.Score.Value)); // a missing score is not comparable
                var worse = told.Where(t => t.Others.Any(o => o > t.Answer.Score.Value));
                var picked = better.Take(PerCategory - 1).Concat(worse.Take(1)).Concat(better.Skip(PerCategory - 1)).Concat(told)
                    .DistinctBy(t => t.Answer.Question.Id).Take(PerCategory);
                samples.AddRange(picked.Select(t => new AnswerSample(t.Answer.Question,
                    [.. firsts.Select((f, i) => (f.Arm, byId[i][t.Answer.Question.Id]))],
                    reference.Cell.Runs[b].Benchmark.Scale)));
            }
        }
        return [.. samples.Take(Most)];
    }
}
