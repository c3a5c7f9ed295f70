using System.Globalization;
using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Grid;
using Spectre.Console;
using ComparisonVerdict = AlpacaCot.Studies.Analysis.ComparisonVerdict;

namespace AlpacaCot.Cli.Screens;

/// <summary>The output of <c>study</c>: plan, progress of the cells, results.</summary>
internal sealed class StudyScreen(IAnsiConsole console, bool live) : IStudyObserver
{
    // Measured throughput of instruction tuning with these kernels, in operations per second, and the utilisation that papers
    // report for an A100.
    private const double CoreOperations = 12e9, A100Operations = 312e12 * 0.4;

    private readonly Dictionary<StudyCell, ProgressTask> _bars = [];
    private ProgressContext? _view;
    private ProgressTask? _whole;
    private int _cells, _done;

    /// <summary>Runs the work that reports to this screen.</summary>
    public T Follow<T>(Study study, Func<T> work)
    {
        console.WriteLine();
        console.MarkupLine($"  [bold orange3]{Markup.Escape(study.Title)}[/]  {study.Arms.Count} arms, {study.Cells.Count} cells "
            + $"[grey]in {Markup.Escape(study.Output)}; if stopped, run it again to continue[/]");
        console.WriteLine();
        if (!live) return work();
        return console.Progress().AutoClear(true).HideCompleted(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(),
                new RemainingTimeColumn(), new SpinnerColumn())
            .Start(context =>
            {
                _view = context;
                try
                {
                    return work();
                }
                finally
                {
                    _view = null;
                }
            });
    }

    /// <summary>Says at once that the study stops, and what is kept.</summary>
    public void Stopping() =>
        console.MarkupLine("  [yellow]stopping: finished cells are kept, and running ones save a checkpoint; run the "
        + "study again to continue; Ctrl-C again ends at once[/]");

    public void Started(int cells, int finished, int jobs)
    {
        (this._cells, _done) = (cells, finished);
        if (finished > 0) console.MarkupLine($"  {finished} of {cells} cells are already finished");
        _whole = _view?.AddTask("[bold]study[/]", maxValue: Math.Max(1, cells));
        _whole?.Increment(finished);
    }

    public void CellStarted(StudyCell cell)
    {
        if (_view is null) console.WriteLine($"  {cell.Name} ...");
        else _bars[cell] = _view.AddTask(Markup.Escape(cell.Name), maxValue: 1);
    }

    public void CellProgressed(StudyCell cell, CellProgress progress)
    {
        if (!_bars.TryGetValue(cell, out var bar)) return;
        var loss = progress.Loss is { } value ? string.Create(CultureInfo.InvariantCulture, $"  loss {value:0.000}") : "";
        bar.Description = $"{Markup.Escape(cell.Name)} [grey]{Markup.Escape(progress.Part)}{loss}[/]";
        bar.MaxValue = Math.Max(1, progress.Total);
        bar.Value = progress.Done;
    }

    public void CellRefused(StudyCell cell, string reason)
    {
        if (_bars.Remove(cell, out var bar)) bar.StopTask();
        _whole?.Increment(1);
        _done++;
        console.MarkupLine($"  [yellow]–[/] {Markup.Escape(cell.Name)} [grey]refused: {Markup.Escape(reason)}[/]");
    }

    public void CellEnded(StudyCell cell, TimeSpan elapsed, string? problem)
    {
        if (_bars.Remove(cell, out var bar)) bar.StopTask();
        if (problem is not null) return;
        _whole?.Increment(1);
        console.MarkupLine($"  [green]✓[/] {Markup.Escape(cell.Name)} [grey]{Time(elapsed.TotalSeconds)}, {++_done} of "
            + $"{_cells}[/]");
    }

    /// <summary>Runs the grading with a progress bar on a terminal.</summary>
    public void FollowVerdicts(Action<Action<int>?, IProgress<int>?> work)
    {
        if (!live)
        {
            work(count => console.WriteLine($"  {count:N0} answers to grade ..."), null);
            return;
        }
        console.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context =>
            {
                var bar = context.AddTask("verdicts");
                work(count => bar.MaxValue = Math.Max(1, count), new Verdicts(bar));
            });
    }

    private sealed class Verdicts(ProgressTask bar) : IProgress<int>
    {
        public void Report(int value) => bar.Value = value;
    }

    /// <summary>Prints scores, findings and the path of the report.</summary>
    public void Conclude(StudyAnalysis analysis, string language, string report, JudgeCost? cost, TimeSpan elapsed)
    {
        var words = new Findings(analysis, language);
        var table = new Table { Border = TableBorder.Rounded, BorderStyle = new Style(Color.Grey) };
        table.AddColumn("");
        foreach (var measure in analysis.Measures) table.AddColumn(new TableColumn(Markup.Escape(measure.Name)).RightAligned());
        foreach (var arm in analysis.Results.Arms)
            table.AddRow([Markup.Escape(arm.Name), .. analysis.Measures.Select(m => Cell(analysis, analysis.Score(arm, m)))]);
        console.WriteLine();
        console.Write(table);
        foreach (var statement in words.Statements) console.MarkupLine($"  [orange3]•[/] {Markup.Escape(statement)}");
        foreach (var warning in words.Missing.Concat(words.Shortened))
            console.MarkupLine($"  [yellow]{Markup.Escape(warning)}[/]");
        foreach (var (arm, reason) in analysis.Results.Refused)
            console.MarkupLine($"  [yellow]refused:[/] {Markup.Escape(arm.Name)}: {Markup.Escape(reason)}");
        if (analysis.Results.Unfinished.Count > 0)
            console.MarkupLine($"  [red]not finished:[/] {Markup.Escape(string.Join("; ", analysis.Results.Unfinished))}");
        console.WriteLine();
        console.WriteUnwrapped($"  report  {report}");
        if (cost is not null) console.WriteUnwrapped($"  {EvaluationScreen.Text(cost)}");
        console.WriteUnwrapped($"  time    {Time(elapsed.TotalSeconds)}");
    }

    private static string Cell(StudyAnalysis analysis, ArmScore score)
    {
        if (score.Mean is not { } mean) return "–";
        var text = string.Create(CultureInfo.InvariantCulture, $"{mean:0.0}");
        var compared = analysis.Comparisons.FirstOrDefault(c => c.Arm == score.Arm && c.Measure == score.Measure);
        if (compared is null) return $"[bold]{text}[/]";
        var change = string.Create(CultureInfo.InvariantCulture, $"{compared.Difference:+0.0;−0.0;0.0}");
        return compared.Verdict == ComparisonVerdict.Different
            ? $"{text} [{(compared.Difference > 0 ? "green" : "red")}]{change}[/]"
            : $"{text} [grey]{change}[/]";
    }

    public static void ShowPlan(Study study, StudyPlan plan, bool json, Terminal terminal)
    {
        var jobs = plan.Jobs(study.Threads);
        var cores = Math.Min(Environment.ProcessorCount, jobs * (study.Threads ?? Environment.ProcessorCount));
        var (here, a100) = (plan.Operations / (CoreOperations * cores), plan.Operations / A100Operations);
        if (json)
        {
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("study", study.Title);
                o.WriteNumber("jobs", jobs);
                Number(o, "operations", plan.Operations);
                Number(o, "seconds_here", here);
                Number(o, "seconds_a100", a100);
                Number(o, "memory_bytes", plan.MemoryBytes);
                if (plan.Missing is { } missing) o.WriteString("missing", missing);
                o.Array("cells", plan.Cells, c => o.Object(cell =>
                {
                    cell.WriteString("name", c.Cell.Name);
                    cell.WriteString("arm", c.Cell.Arm.Name);
                    cell.WriteNumber("seed", c.Cell.Seed);
                    Number(cell, "parameters", c.Estimate.Parameters);
                    Number(cell, "records", c.Estimate.Records);
                    Number(cell, "steps", c.Estimate.Steps);
                    Number(cell, "tokens", c.Estimate.Tokens);
                    Number(cell, "questions", c.Estimate.Questions);
                    Number(cell, "operations", c.Estimate.Operations);
                    Number(cell, "memory_bytes", c.Estimate.MemoryBytes);
                    if (c.Estimate.Model is not { } model) return;
                    cell.WriteNumber("trainable", model.TrainableParameters);
                    cell.Object("bytes", bytes => EstimateJson.WriteBytes(bytes, model.Memory));
                }));
            }));
            return;
        }
        var console = terminal.Console;
        var table = new Table { Border = TableBorder.Rounded, BorderStyle = new Style(Color.Grey) };
        table.Title = new TableTitle(Markup.Escape(study.Title), new Style(decoration: Decoration.Bold));
        table.AddColumn("arm");
        foreach (var title in (string[])["seeds", "model", "records", "steps", "questions", "memory", "here", "one A100"])
            table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var arm in plan.Cells.GroupBy(c => c.Cell.Arm))
        {
            var e = arm.First().Estimate;
            var all = e.Operations * arm.Count();
            table.AddRow(Markup.Escape(arm.Key.Name), arm.Key.Trains ? $"{arm.Count()}" : "–", Count(e.Parameters),
                Count(e.Records), Count(e.Steps), Count(e.Questions),
                Bytes(e.MemoryBytes), Time(all / (CoreOperations * cores)), Time(all / A100Operations));
        }
        console.Write(table);
        console.MarkupLine($"  {plan.Cells.Count} cells, {jobs} at a time on this machine: about [bold]{Time(here)}[/] "
            + "here, "
            + $"{Time(a100)} on one A100; a cell needs about {Bytes(plan.MemoryBytes)}");
        console.MarkupLine("  [grey]estimates from model and data sizes, accurate to a factor of two; memory is for weights, "
            + "optimizer and activations of one cell[/]");
        foreach (var arm in study.Arms.Where(a => a.Refusal is not null))
            console.MarkupLine($"  [yellow]refused:[/] {Markup.Escape(arm.Name)}: {Markup.Escape(arm.Refusal!)}");
        if (plan.Missing is { } absent) terminal.Console.MarkupLine($"  [yellow]missing:[/] {Markup.Escape(absent)}");
    }

    /// <summary>The one JSON document of a finished study.</summary>
    public static void WriteJson(Utf8JsonWriter json, StudyAnalysis analysis, string language, string report, JudgeCost? cost,
        TimeSpan elapsed) =>
        json.Object(o =>
        {
            o.WriteString("study", analysis.Study.Title);
            o.WriteString("output", analysis.Study.Output);
            o.WriteString("report", report);
            o.Strings("unfinished", analysis.Results.Unfinished);
            o.Array("missing", analysis.Missing, m => o.Object(missing =>
            {
                missing.WriteString("arm", m.Arm.Name);
                missing.WriteString("benchmark", m.About.Name);
                missing.WriteNumber("missing", m.Missing);
                missing.WriteNumber("answers", m.Answers);
                missing.Strings("because", m.Reasons);
            }));
            if (cost is not null) EvaluationScreen.Write(o, cost);
            o.Array("refused", analysis.Results.Refused, r => o.Object(refused =>
            {
                refused.WriteString("arm", r.Arm.Name);
                refused.WriteString("reason", r.Reason);
            }));
            o.Array("scores", analysis.Scores, s => o.Object(score =>
            {
                score.WriteString("arm", s.Arm.Name);
                score.WriteString("measure", s.Measure.Name);
                score.WriteNumber("questions", s.Questions);
                Number(score, "mean", s.Mean);
                Number(score, "low", s.Interval?.Low);
                Number(score, "high", s.Interval?.High);
                score.Object("seeds", seeds =>
                {
                    foreach (var (seed, mean) in s.Seeds) seeds.WriteNumber($"{seed}", Math.Round(mean, 4));
                });
            }));
            o.Array("comparisons", analysis.Comparisons, c => o.Object(comparison =>
            {
                comparison.WriteString("arm", c.Arm.Name);
                comparison.WriteString("measure", c.Measure.Name);
                comparison.WriteNumber("difference", Math.Round(c.Difference, 4));
                Number(comparison, "low", c.Interval.Low);
                Number(comparison, "high", c.Interval.High);
                comparison.WriteNumber("p", c.Paired.PValue);
                comparison.WriteNumber("corrected_p", c.CorrectedP);
                Number(comparison, "effect_size", c.Paired.EffectSize);
                comparison.WriteString("verdict", c.Verdict.ToString().ToLowerInvariant());
                comparison.WriteNumber("seeds_agree", c.SeedsAgree);
            }));
            o.Strings("findings", new Findings(analysis, language).Statements);
            o.WriteNumber("seconds", Math.Round(elapsed.TotalSeconds, 1));
        });

    private static void Number(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, Math.Round(number, 4));
        else json.WriteNull(name);
    }

    private static string Count(double? count) => count switch
    {
        null => "?",
        >= 1e9 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e9:0.#}B"),
        >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:0.#}M"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count:N0}"),
    };

    private static string Bytes(double? bytes) => bytes is not { } size ? "?"
        : string.Create(CultureInfo.InvariantCulture,
            $"{(size >= 1e9 ? size / 1e9 : size / 1e6):0.#} {(size >= 1e9 ? "GB" : "MB")}");

    private static string Time(double? seconds) => seconds switch
    {
        null => "?",
        < 90 => string.Create(CultureInfo.InvariantCulture, $"{seconds:0} s"),
        < 5400 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0} min"),
        < 172800 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.#} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 86400:N0} days"),
    };
}
