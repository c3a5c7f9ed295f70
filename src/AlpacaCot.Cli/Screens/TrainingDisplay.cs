using System.Diagnostics;
using AlpacaCot.Cli.Output;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace AlpacaCot.Cli.Screens;

using Text = Spectre.Console.Text;

/// <summary>
/// Shows a training run: on a terminal a live view with the loss curve, elsewhere one line per logged step.
/// </summary>
internal sealed class TrainingDisplay(IAnsiConsole console, bool live) : ITrainingObserver
{
    private const int CurveWidth = 56, CurveHeight = 6; // characters
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(200);

    private readonly List<(int Step, double Loss)> _losses = [];
    private readonly List<ValidationMetrics> _validations = [];
    private readonly List<string> _notes = [];
    private readonly Stopwatch _sinceDrawn = Stopwatch.StartNew();
    private readonly Lock _drawing = new(); // a signal is handled beside the training
    private RunSummary? _summary;
    private StepMetrics? _last;
    private LiveDisplayContext? _view;
    private string? _stopping;

    /// <summary>The speed at the last logged step.</summary>
    public double TokensPerSecond => _last?.TokensPerSecond ?? 0;

    /// <summary>The first validation loss of this process: before training, or after a resume.</summary>
    public double? FirstValidationLoss => _validations.Count > 0 ? _validations[0].Loss : null;

    /// <summary>Runs the work that reports to this display.</summary>
    public T Follow<T>(Func<T> work)
    {
        if (!live) return work();
        T result = default!;
        console.Live(new Text("")).AutoClear(false).Overflow(VerticalOverflow.Ellipsis).Start(view =>
        {
            _view = view;
            try
            {
                result = work();
            }
            finally
            {
                Draw(now: true);
                _view = null;
            }
        });
        return result;
    }

    /// <summary>Says at once that the run stops; called from another thread than the training.</summary>
    /// <param name="kept">What is kept, and how to go on.</param>
    public void Stopping(string kept)
    {
        var message = $"stopping after this step: {kept}; Ctrl-C again ends at once";
        lock (_drawing)
        {
            _stopping = message;
            if (_view is null) Line(message);
            else _view.UpdateTarget(Render());
        }
    }

    public void Started(RunSummary summary)
    {
        lock (_drawing) _summary = summary;
        if (_view is null)
            Line($"{summary.TotalSteps:N0} steps over {Counted(summary.Examples, "example")}"
                + (summary.ValidationExamples > 0 ? $", {summary.ValidationExamples:N0} for validation" : "")
                + $"; {Parameters(summary)}; run folder {summary.RunFolder}");
        Draw(now: true);
    }

    public void Step(StepMetrics m)
    {
        lock (_drawing)
        {
            _last = m;
            _losses.Add((m.Step, m.Loss));
        }
        if (_view is null)
            Line($"step {m.Step}/{m.TotalSteps}  epoch {m.Epoch:0.00}  {Values(m.Values)}  lr {m.LearningRate:0.00e+0}  " +
                $"grad {m.GradientNorm:0.000}  {m.TokensPerSecond:N0} tokens/s  left {Time(m.SecondsLeft)}  " +
                Size(m.ResidentBytes));
        Draw(now: m.Step == m.TotalSteps);
    }

    public void Validated(ValidationMetrics m)
    {
        lock (_drawing) _validations.Add(m);
        if (_view is null) Line($"step {m.Step}  validation {Values(m.Values)}{(m.Best ? "  (best so far)" : "")}");
        Draw(now: true);
    }

    public void Saved(string checkpoint)
    {
        if (_view is null) Line($"saved {checkpoint}");
    }

    public void Note(string message)
    {
        lock (_drawing)
            if (_view is null) Line($"note: {message}");
            else _notes.Add(message);
        Draw(now: true);
    }

    public void Finished(TrainingResult r)
    {
        if (_view is null)
            Line($"{(r.Cancelled ? "stopped" : r.Failed ? "done, but not trained" : "done")} after {r.Steps:N0} steps in "
                + Time(r.Elapsed.TotalSeconds) + (double.IsFinite(r.FinalLoss) ? $", loss {r.FinalLoss:0.0000}" : "")
                + (r.BestValidationLoss is { } best ? $", best validation loss {best:0.0000}" : "") + $": {r.OutputFolder}");
        Draw(now: true);
    }

    /// <summary>The current view.</summary>
    internal IRenderable Render()
    {
        if (_summary is null) return new Markup("[grey]loading data and model ...[/]");
        var rows = new List<IRenderable>();
        if (_losses.Count > 0) rows.Add(Curve());
        rows.Add(new Markup(Status()));
        rows.AddRange(_notes.TakeLast(3).Select(n => new Markup($"[grey]{Markup.Escape(n)}[/]")));
        if (_stopping is not null) rows.Add(new Markup($"[yellow]{Markup.Escape(_stopping)}[/]"));
        return new Panel(new Rows(rows))
        {
            Header = new PanelHeader($" {Counted(_summary.Examples, "example")}, {Parameters(_summary)} "),
                Border = BoxBorder.Rounded,
            BorderStyle = new Style(Color.Grey), Padding = new Padding(2, 0),
        };
    }

    private Markup Curve()
    {
        var total = Math.Max(1, _summary!.TotalSteps);
        var smooth = Smooth(_losses);
        var values = smooth.Select(p => p.Loss).Concat(_validations.Select(v => v.Loss)).Where(double.IsFinite)
            .DefaultIfEmpty(0).ToList();
        var (low, high) = (values.Min(), values.Max());
        var points = smooth.Where(p => double.IsFinite(p.Loss)).Select(p => ((double)p.Step / total, p.Loss)).ToList();
        var train = BrailleCurve.Draw(points, CurveWidth, CurveHeight, low, high);
        return new Markup(string.Join('\n', train.Select((line, i) =>
            $"[grey]{(i == 0 ? $"{high,6:0.00}" : i == CurveHeight - 1 ? $"{low,6:0.00}" : "      ")} │[/][orange3]{line}[/]")));
    }

    private string Status()
    {
        var m = _last;
        if (m is null) return "[grey]first step ...[/]";
        var done = (int)Math.Round(28.0 * m.Step / Math.Max(1, m.TotalSteps));
        // The two parts differ without colours too.
        var lines = $"[green]{new string('━', done)}[/][grey]{new string('─', 28 - done)}[/]  "
            + $"step [bold]{m.Step}[/]/{m.TotalSteps}  "
            + $"epoch {m.Epoch:0.00}  left [bold]{Time(m.SecondsLeft)}[/]\n"
            + $"loss [bold orange3]{m.Loss:0.0000}[/]{Others(m.Values)}  lr {m.LearningRate:0.00e+0}  gradient "
                + $"{m.GradientNorm:0.00}  "
            + $"{m.TokensPerSecond:N0} tokens/s  {Size(m.ResidentBytes)}";
        if (_validations.Count == 0) return lines;
        var last = _validations[^1];
        return lines + $"\nvalidation loss [bold aqua]{last.Loss:0.0000}[/] at step {last.Step}"
            + $"  [grey]best {_validations.Min(v => v.Loss):0.0000}, first {_validations[0].Loss:0.0000}[/]";
    }

    // An exponential mean with the usual correction for its start: the curve is the trend, the number beside it the step's own.
    private static List<(int Step, double Loss)> Smooth(List<(int Step, double Loss)> losses)
    {
        const double Keep = 0.8;
        var (mean, weight, smooth) = (0.0, 0.0, new List<(int, double)>(losses.Count));
        foreach (var (step, loss) in losses)
        {
            if (double.IsFinite(loss)) (mean, weight) = (Keep * mean + (1 - Keep) * loss, Keep * weight + (1 - Keep));
            smooth.Add((step, weight > 0 ? mean / weight : double.NaN));
        }
        return smooth;
    }

    private static string Values(IEnumerable<NamedValue> values) =>
        string.Join("  ", values.Select(v => $"{v.Name.Replace('_', ' ')} {v.Value:0.0000}"));

    private static string Others(IEnumerable<NamedValue> values) =>
        values.Skip(1).ToList() is { Count: > 0 } others ? "  " + Markup.Escape(Values(others)) : "";

    private void Draw(bool now)
    {
        if (_view is null || (!now && _sinceDrawn.Elapsed < Redraw)) return;
        _sinceDrawn.Restart();
        lock (_drawing) _view.UpdateTarget(Render());
    }

    private void Line(string line) => console.WriteUnwrapped(line);

    private static string Counted(int count, string noun) => $"{count:N0} {noun}{(count == 1 ? "" : "s")}";

    private static string Parameters(RunSummary summary) =>
        $"{summary.TrainableParameters:N0} of {summary.TotalParameters:N0} parameters trained " +
        $"({100.0 * summary.TrainableParameters / Math.Max(1, summary.TotalParameters):0.##} %)";

    private static string Size(long bytes) => $"{bytes / (double)(1 << 20):N0} MB";

    private static string Time(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0) return "?";
        var time = TimeSpan.FromSeconds(Math.Min(seconds, 1e8));
        return time.TotalHours >= 1 ? $"{(int)time.TotalHours}h{time.Minutes:00}m"
            : time.TotalMinutes >= 1 ? $"{time.Minutes}m{time.Seconds:00}s" : $"{time.TotalSeconds:0}s";
    }
}
