using System.Globalization;
using System.Runtime.InteropServices;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Studies.Analysis;

namespace AlpacaCot.Studies.Report;

/// <summary>Provenance of the numbers in a report.</summary>
/// <param name="Facts">Name-value pairs about the study, the program and the data.</param>
/// <param name="Machine">Name-value pairs about the machine and the time, which differ between runs on different
/// machines.</param>
/// <param name="Recipes">The resolved recipe of every arm.</param>
internal sealed record Provenance(IReadOnlyList<(string Name, string Value)> Facts,
    IReadOnlyList<(string Name, string Value)> Machine,
    IReadOnlyList<(string Arm, string Recipe)> Recipes)
{
    public static Provenance Of(StudyAnalysis analysis, Words words)
    {
        var facts = new List<(string, string)>
        {
            (words.Say("study", "研究文件"), Path.GetFileName(analysis.Study.File)),
            (words.Say("program", "程序"), $"AlpacaCot {typeof(Provenance).Assembly.GetName().Version!.ToString(3)}, libtorch "
                + $"{LibtorchReport.BuiltAgainst}, {RuntimeInformation.FrameworkDescription}"),
            (words.Say("cells", "单元"),
                $"{analysis.Results.Cells.Count}; {words.Say("seeds", "种子")} {string.Join(", ", analysis.Study.Seeds)}; "
                + (analysis.Study.Threads is { } threads ? words.Say($"threads of each: {threads}", $"每单元 {threads} 线程")
                    : words.Say("all cores", "全部核心"))),
        };
        foreach (var (place, benchmark) in analysis.Study.Benchmarks.Index())
        {
            var run = analysis.Results.Cells[0].Runs[place];
            facts.Add((benchmark.Name, words.Say(
                $"{Path.GetFileName(benchmark.Path)}: {run.Answers.Count} questions. Prompt: {run.Benchmark.Prompt}. Answer: "
                + $"{run.Benchmark.Answering}, {run.Benchmark.Extraction}. Score: {run.Benchmark.Metric}.",
                $"{Path.GetFileName(benchmark.Path)}：{run.Answers.Count} 题。{run.Benchmark.Prompt}; {run.Benchmark.Answering}; "
                + $"{run.Benchmark.Extraction}; {run.Benchmark.Metric}")));
        }
        if (StudyGrading.IsNeeded(analysis.Study) && analysis.Study.Judge is { } judge)
            facts.Add((words.Say("judge", "评审"), (judge.Folder is null ? judge.Name : Content(judge.Folder))
                + (judge.Prompts is null ? "" : $"; {words.Say("prompts", "提示")} {Content(judge.Prompts)}")));
        foreach (var arm in analysis.Results.Arms)
        {
            var cells = analysis.Results.Of(arm);
            var hashes = string.Join(", ", cells.Select(c => c.Folder.Fingerprint[..12]));
            facts.Add((arm.Name, $"{words.Say("cells", "单元")} {hashes}{Data(cells[0], words)}"));
        }
        return new(facts, Machinery(words),
            [.. analysis.Results.Arms.Where(a => a.Trains).Select(a =>
                (a.Name, File.ReadAllText(analysis.Results.Of(a)[0].Folder.Recipe)))]);
    }

    private static string Content(string folder) => $"{Path.GetFileName(folder)}, {ContentFingerprint.Of(folder)[..12]}";

    // From the run's record: the mixture and the hash of its tokens.
    private static string Data(CellResult cell, Words words)
    {
        if (cell.Provenance is not { } run || !run.TryGetProperty("mixture", out var mixture)) return "";
        var parts = mixture.EnumerateArray().Select(part => $"{Path.GetFileName(part.GetProperty("source").GetString())} "
            + part.GetProperty("taken").GetRawText());
        var hash = run.GetProperty("data_sha256").GetString()!;
        return $"; {words.Say("data", "数据")}: {string.Join(", ", parts)}; SHA-256 {hash[..Math.Min(16, hash.Length)]}";
    }

    private static List<(string, string)> Machinery(Words words) =>
    [
        (words.Say("date", "日期"), DateTimeOffset.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)),
        (words.Say("machine", "机器"), $"{Processor.Name}; {Environment.ProcessorCount} {words.Say("cores", "核心")}; "
            + string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:0.#} GB; ")
            + RuntimeInformation.OSDescription),
    ];
}
