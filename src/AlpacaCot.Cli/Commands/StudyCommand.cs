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

/// <summary><c>study</c>: trains and evaluates a grid of recipes, and writes a report.</summary>
internal sealed class StudyCommand(Terminal terminal)
{
    private readonly Argument<string> _study = new("STUDY")
    {
        Description = "Study (YAML file)", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string> _out = Options.Out("Folder for cells and report; overrides output of the study", "DIR");
    private readonly Option<bool> _plan = new("--plan") { Description = "Show the cells with time and memory, and exit" };
    private readonly Option<bool> _report = new("--report")
    {
        Description = "Train nothing; write the report from the cells that are finished",
    };

    private readonly Option<int?> _jobs = Options.Positive<int?>("--jobs",
        "Cells to run at a time. Default: as many as cores and memory allow", "N");

    private readonly Option<string> _language = new Option<string>("--language")
    {
        Description = "Language of the report", DefaultValueFactory = _ => "en",
    }.Among(["en", "zh"]);

    private readonly Option<bool> _keys = Options.Keys("study"), _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new StudyCommand(terminal);
        return new DocumentedCommand("study", CommandGroup.Train,
            "Compare data, models or methods: train a grid of recipes and write a report",
            "study studies/embedded-ablation.yaml",
            "study studies/seed-ablation.yaml --plan",
            "study studies/embedded-ablation.yaml --report --language zh")
        {
            command._study, command._out, command._plan, command._report, command._jobs, command._language, command._keys,
            command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var asJson = parsed.GetValue(_json);
        if (parsed.GetValue(_keys)) return KeyList.Show(StudyFile.Keys, asJson, terminal);
        var file = parsed.GetValue(_study)
            ?? throw new InputException("study needs a study file, for example: alpaca-cot study my-study.yaml");
        if (parsed.GetValue(_plan)) return Plan(file, asJson, terminal);
        var study = StudyFile.Load(file);
        if (parsed.GetValue(_out) is { } folder) study = study with { Output = folder };
        return Run(study, parsed.GetValue(_report), parsed.GetValue(_jobs), parsed.GetValue(_language)!, asJson, terminal,
            cancel);
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
        var screen = new StudyScreen(terminal.Beside(json), live: terminal.IsLive(json));
        terminal.Stopping = () => screen.Stopping();
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
            terminal.WriteError(problems.Count > 0 ? "no report: too many cells failed; fix the cause and run the study again"
                : $"{study.Output} contains no finished cell of this study");
            return ExitCode.Failed;
        }
        var analysis = StudyAnalysis.Of(results);
        var files = ReportFolder.Write(Path.Combine(study.Output, "report"), analysis, language);
        if (json) terminal.WriteJson(w => StudyScreen.WriteJson(w, analysis, language, files.Html, cost, clock.Elapsed));
        else screen.Conclude(analysis, language, files.Html, cost, clock.Elapsed);
        return problems.Count > 0 || !graded ? ExitCode.Failed : ExitCode.Done;
    }

    // If the judge is unavailable the report is written all the same; it counts the missing grades.
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

    // The command line that starts this program for one cell.
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
