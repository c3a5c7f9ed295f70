using System.CommandLine;
using System.Diagnostics;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Studies.Report;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>study</c>: trains and asks a grid of recipes, compares them and writes a report.</summary>
internal static class StudyCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var path = new Argument<string>("STUDY") { Description = "The study, a YAML file", Arity = ArgumentArity.ZeroOrOne };
        var output = Options.Out("The folder of cells and report, in place of the study's output");
        output.HelpName = "DIR";
        var plan = new Option<bool>("--plan") { Description = "Show cells, time and memory, and do nothing" };
        var report = new Option<bool>("--report") { Description = "Train nothing: report on the cells that are finished" };
        var jobs = Options.Positive<int?>("--jobs", "Cells at the same time; as many as cores and memory allow otherwise", "N");
        var language = new Option<string>("--language")
        {
            Description = "Language of the report", DefaultValueFactory = _ => "en",
        }.AcceptOnlyFromAmong("en", "zh");
        var keys = new Option<bool>("--keys") { Description = "List what a study can say, and do nothing" };
        var json = Options.Json();
        var verb = new DocumentedCommand("study", CommandGroup.Train, "Compare data, models or methods: a grid of recipes with a report",
            "study studies/embedded-ablation.yaml",
            "study studies/seed-ablation.yaml --plan",
            "study my-study.yaml --report --language zh --out runs/my-study")
        {
            path, output, plan, report, jobs, language, keys, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            var asJson = parsed.GetValue(json);
            if (parsed.GetValue(keys)) return Task.FromResult(KeyList.Show(StudyFile.Keys, asJson, terminal));
            var file = parsed.GetValue(path)
                ?? throw new InputException("study takes a study file, as in: alpaca-cot study my-study.yaml");
            if (parsed.GetValue(plan)) return Task.FromResult(Plan(file, asJson, terminal));
            var study = StudyFile.Load(file);
            if (parsed.GetValue(output) is { } folder) study = study with { Output = folder };
            return Task.FromResult(Run(study, parsed.GetValue(report), parsed.GetValue(jobs), parsed.GetValue(language)!, asJson,
                terminal, cancel));
        });
        return verb;
    }

    private static int Plan(string file, bool json, Terminal terminal)
    {
        var (study, plan) = StudyPlan.Read(file);
        StudyScreen.ShowPlan(study, plan, json, terminal);
        return ExitCode.Done;
    }

    private static int Run(Study study, bool reportOnly, int? jobs, string language, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var screen = new StudyScreen(terminal.Beside(json), live: json ? terminal.ErrorIsTerminal : terminal.OutIsTerminal);
        IReadOnlyDictionary<string, string> problems = new Dictionary<string, string>();
        if (!reportOnly)
        {
            var runner = new StudyRunner(study, Self)
            {
                Jobs = jobs ?? StudyPlan.Of(study).Jobs(study.Threads),
            };
            problems = screen.Follow(study, () => runner.Run(screen, cancel));
        }
        foreach (var (cell, problem) in problems) terminal.WriteError($"{cell}: {problem}");
        var (cost, graded) = reportOnly || !StudyGrading.IsNeeded(study) ? (null, true) : Grade(study, screen, terminal, cancel);
        var results = StudyResults.Load(study);
        if (results.Cells.Count == 0 || (problems.Count > 0 && !results.HasReference))
        {
            terminal.WriteError(problems.Count > 0 ? "no report: too many cells failed; run it again when the cause is gone"
                : $"{study.Output} holds no finished cell of this study");
            return ExitCode.Failed;
        }
        var analysis = StudyAnalysis.Of(results);
        var files = ReportFolder.Write(Path.Combine(study.Output, "report"), analysis, language);
        if (json) terminal.WriteJson(w => StudyScreen.WriteJson(w, analysis, language, files.Html, cost, clock.Elapsed));
        else screen.Conclude(analysis, language, files.Html, cost, clock.Elapsed);
        return problems.Count > 0 || !graded ? ExitCode.Failed : ExitCode.Done;
    }

    // A judge that gives no answers is no reason to hide what there is: the report counts what is missing.
    private static (JudgeCost Cost, bool Graded) Grade(Study study, StudyScreen screen, Terminal terminal,
        CancellationToken cancel)
    {
        using var store = ResponseStore.Open(StudyGrading.Verdicts(study));
        using var owned = new Owned();
        var judge = study.Judge!.Open(store, owned.All);
        try
        {
            screen.FollowVerdicts((started, progress) =>
                StudyGrading.GradeAsync(study, judge, started, progress, cancel).GetAwaiter().GetResult());
            return (judge.Cost, true);
        }
        catch (JudgeUnavailableException e)
        {
            terminal.WriteError(e.Message);
            return (judge.Cost, false);
        }
    }

    // This very program, as it was built: the command line of a cell's process.
    private static string[] Self
    {
        get
        {
            var host = Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..",
                OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
            return [File.Exists(host) ? Path.GetFullPath(host) : "dotnet", typeof(StudyCommand).Assembly.Location, "study-cell",
                "--attached"];
        }
    }
}
