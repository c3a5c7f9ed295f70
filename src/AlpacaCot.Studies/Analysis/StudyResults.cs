using System.Text.Json;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Analysis;

/// <summary>Result of a finished cell: scored answers and training statistics.</summary>
/// <param name="Cell">The cell.</param>
/// <param name="Folder">The folder of its files.</param>
/// <param name="Runs">Its answers to the study's benchmarks in order, scored when loaded.</param>
/// <param name="Losses">Logged training losses by optimizer step; empty without training.</param>
/// <param name="Tokens">Number of training tokens.</param>
/// <param name="Seconds">Duration of each part of the work; killed parts are not included.</param>
public sealed record CellResult(StudyCell Cell, CellFolder Folder, IReadOnlyList<BenchmarkRun> Runs,
    IReadOnlyList<(int Step, double Loss)> Losses, double Tokens, IReadOnlyList<(string Part, double Seconds)> Seconds)
{
    /// <summary>The run's record of versions and data, as JSON; null without training.</summary>
    public JsonElement? Provenance { get; init; }

    /// <summary>Cost of the training; null without training.</summary>
    public CellMetrics? Metrics { get; init; }
}

/// <summary>The finished cells of a study.</summary>
/// <param name="Study">The study.</param>
/// <param name="Cells">Finished cells, in the order of the arms.</param>
/// <param name="Unfinished">Names of the other cells.</param>
public sealed record StudyResults(Study Study, IReadOnlyList<CellResult> Cells, IReadOnlyList<string> Unfinished)
{
    /// <summary>Arms that cannot be trained, with the reason.</summary>
    public IReadOnlyList<(StudyArm Arm, string Reason)> Refused { get; init; } = [];

    /// <summary>Whether a cell of the reference arm is finished.</summary>
    public bool HasReference => Cells.Any(c => c.Cell.Arm == Study.Reference);

    /// <summary>The arms with a finished cell.</summary>
    public IReadOnlyList<StudyArm> Arms => [.. Study.Arms.Where(arm => Cells.Any(c => c.Cell.Arm == arm))];

    /// <summary>The finished cells of an arm, one per seed.</summary>
    public IReadOnlyList<CellResult> Of(StudyArm arm) => [.. Cells.Where(c => c.Cell.Arm == arm)];

    /// <summary>Answers of every finished cell to the study's benchmarks, scored without a judge.</summary>
    /// <exception cref="Text.InputException">A file of answers is invalid.</exception>
    public static IEnumerable<IReadOnlyList<BenchmarkRun>> Answers(Study study) =>
        StudyRunner.CellFolders(study).Where(p => p.Folder.IsFinished(p.Asked)).Select(p => Answers(p.Folder, p.Asked));

    /// <summary>Loads and scores the answers of all finished cells, with the judge's stored verdicts.</summary>
    /// <exception cref="Text.InputException">A file of answers is invalid.</exception>
    public static StudyResults Load(Study study)
    {
        var places = StudyRunner.CellFolders(study);
        var finished = places.Where(p => p.Folder.IsFinished(p.Asked)).ToList();
        using var verdicts = StudyGrading.IsNeeded(study) ? ResponseStore.OpenToRead(StudyGrading.Verdicts(study)) : null;
        var judge = verdicts is null ? null : new Judge(null, study.Judge!.Name, verdicts);
        var refused = places.Where(p => p.Folder.Refusal is not null).ToList();
        return new(study, [.. finished.Select(p => Read(p.Cell, p.Folder,
            [.. Answers(p.Folder, p.Asked).Select(run => Graded(run, study, judge))]))],
            [.. places.Except(finished).Except(refused).Select(p => p.Cell.Name)])
        {
            Refused = [.. study.Arms
                .Select(arm => (Arm: arm, Reason: arm.Refusal ?? refused.Find(p => p.Cell.Arm == arm).Folder?.Refusal))
                .Where(r => r.Reason is not null).Select(r => (r.Arm, r.Reason!))],
        };
    }

    private static IReadOnlyList<BenchmarkRun> Answers(CellFolder folder, IReadOnlyList<AskedBenchmark> asked) =>
        [.. asked.Select(a =>
        {
            var (name, model, questions, responses) = GenerationsFile.Read(folder.Answers(a));
            return BenchmarkRunner.Score(BenchmarkSuite.Find(name), model, questions, responses);
        })];

    // The judge is not called: verdicts that are not stored are missing.
    private static BenchmarkRun Graded(BenchmarkRun run, Study study, Judge? judge) =>
        judge is not null && BenchmarkSuite.Find(run.Benchmark.Name) is IJudgedBenchmark judged
            ? judge.GradeAsync(judged, run, study.Judge!.Texts).GetAwaiter().GetResult() : run;

    private static CellResult Read(StudyCell cell, CellFolder folder, IReadOnlyList<BenchmarkRun> runs) =>
        InputBoundary.Read(folder.Run, () => ReadFolder(cell, folder, runs));

    private static CellResult ReadFolder(StudyCell cell, CellFolder folder, IReadOnlyList<BenchmarkRun> runs)
    {
        var (losses, tokens) = Metrics(Path.Combine(folder.Run, "metrics.jsonl"));
        var record = Path.Combine(folder.Run, "run.json");
        return new CellResult(cell, folder, runs, losses, tokens, Times(folder.Times))
        {
            Provenance = File.Exists(record) ? JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(record)) : null,
            Metrics = CellMetrics.Read(folder.Metrics),
        };
    }

    private static (IReadOnlyList<(int, double)> Losses, double Tokens) Metrics(string path)
    {
        if (!File.Exists(path)) return ([], 0);
        var steps = File.ReadLines(path).Where(line => line.Contains("\"loss\"", StringComparison.Ordinal))
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Select(m => (Step: m.GetProperty("step").GetInt32(), Loss: m.GetProperty("loss").GetDouble(),
                Tokens: m.GetProperty("total_tokens").GetDouble())).ToList();
        // A log line covers the steps since the previous line.
        var (tokens, last) = (0.0, 0);
        foreach (var step in steps) (tokens, last) = (tokens + step.Tokens * (step.Step - last), step.Step);
        return ([.. steps.Select(s => (s.Step, s.Loss))], tokens);
    }

    private static IReadOnlyList<(string, double)> Times(string path) => !File.Exists(path) ? []
        : [.. File.ReadLines(path).Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Select(t => (t.GetProperty("part").GetString()!, t.GetProperty("seconds").GetDouble()))];
}
