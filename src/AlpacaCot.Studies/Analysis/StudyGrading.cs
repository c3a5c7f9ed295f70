using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Studies.Grid;

namespace AlpacaCot.Studies.Analysis;

/// <summary>
/// Has the judge grade the answers of a study's finished cells. Verdicts are stored next to the cells and read by reports: a
/// report never calls the judge, and an answer without a verdict has no score.
/// </summary>
public static class StudyGrading
{
    /// <summary>File with a study's verdicts.</summary>
    public static string Verdicts(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        return Path.Combine(study.Output, "verdicts.jsonl");
    }

    /// <summary>Whether the study has a judge and answers to grade.</summary>
    public static bool IsNeeded(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        return study.Judge is not null && study.Benchmarks.Any(b => BenchmarkSuite.Find(b.Name) is IJudgedBenchmark);
    }

    /// <summary>Requests all missing verdicts.</summary>
    /// <param name="study">The study.</param>
    /// <param name="judge">Its judge, with a store at <see cref="Verdicts"/>.</param>
    /// <param name="started">Receives the number of answers before grading starts.</param>
    /// <param name="progress">Receives the number of answers graded or given up.</param>
    /// <param name="cancel">Cancels; verdicts so far are kept.</param>
    /// <exception cref="JudgeUnavailableException">The judge is unreachable; verdicts so far are kept.</exception>
    public static async Task GradeAsync(Study study, Judge judge, Action<int>? started = null, IProgress<int>? progress = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(judge);
        var open = StudyResults.Answers(study).SelectMany(runs => runs)
            .Where(run => BenchmarkSuite.Find(run.Benchmark.Name) is IJudgedBenchmark).ToList();
        started?.Invoke(open.Sum(run => run.Answers.Count));
        var before = 0;
        foreach (var run in open)
        {
            var sofar = before;
            var whole = progress is null ? null : new Progress(done => progress.Report(sofar + done));
            await judge.GradeAsync((IJudgedBenchmark)BenchmarkSuite.Find(run.Benchmark.Name), run, study.Judge!.Texts, whole,
                cancel)
                .ConfigureAwait(false);
            before += run.Answers.Count;
        }
    }

    private sealed class Progress(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }
}
