using System.CommandLine;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// <c>study-cell</c>: the process in which a study works on one cell. People type <c>study</c>; its progress is a line of JSON
/// each, for the study to read.
/// </summary>
internal static class StudyCellCommand
{
    public static Command Create(Terminal terminal)
    {
        var folder = new Argument<string>("FOLDER") { Description = "The cell's folder in the output of a study" };
        var attached = new Option<bool>("--attached") { Description = "Stop when standard input ends" };
        var verb = new Command("study-cell", "Work on one cell of a study (started by study itself)") { folder, attached };
        verb.Hidden = true;
        verb.SetAction((parsed, cancel) =>
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            if (parsed.GetValue(attached)) Task.Run(() => WaitForEnd(terminal.In, stop), CancellationToken.None);
            var (place, order) = CellFolder.Open(parsed.GetValue(folder)!);
            CellWork.Do(place, order, new Reporter(terminal.Out), stop.Token);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    // The study's process holds the other end: when it is gone, for whatever reason, nobody waits for this cell.
    private static void WaitForEnd(TextReader input, CancellationTokenSource stop)
    {
        while (input.Read() >= 0)
        {
        }
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // the work was done first
        }
    }

    private sealed class Reporter(TextWriter output) : ICellObserver
    {
        public void Started(RunSummary summary) => Say(new CellProgress("training", 0, summary.TotalSteps));
        public void Step(StepMetrics m) =>
            Say(new CellProgress("training", m.Step, m.TotalSteps, double.IsFinite(m.Loss) ? m.Loss : null));
        public void Answered(string benchmark, int done, int total) => Say(new CellProgress(benchmark, done, total));

        public void Validated(ValidationMetrics m)
        {
        }

        public void Saved(string checkpoint)
        {
        }

        public void Finished(TrainingResult r)
        {
        }

        public void Note(string message)
        {
        }

        private void Say(CellProgress progress)
        {
            lock (output) output.WriteLine(JsonSerializer.Serialize(progress));
        }
    }
}
