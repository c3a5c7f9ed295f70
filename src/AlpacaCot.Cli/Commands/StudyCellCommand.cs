using System.CommandLine;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Cli.Commands;

/// <summary>
/// <c>study-cell</c>: the child process in which <c>study</c> runs one cell. It prints its progress as lines of JSON, which the
/// study reads.
/// </summary>
internal sealed class StudyCellCommand(Terminal terminal)
{
    private readonly Argument<string> _folder = new("FOLDER") { Description = "Folder of the cell in the study's output" };
    private readonly Option<bool> _attached = new("--attached") { Description = "Stop when standard input ends" };

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new StudyCellCommand(terminal);
        var hidden = new DocumentedCommand("study-cell", CommandGroup.Train, "Run one cell of a study (started by study)",
            "study-cell runs/my-study/cells/all-42")
        {
            command._folder, command._attached,
        }.Runs(command.Run);
        hidden.Hidden = true;
        return hidden;
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (parsed.GetValue(_attached)) Task.Run(() => WaitForEnd(terminal.In, stop), CancellationToken.None);
        var (folder, request) = CellFolder.Open(parsed.GetValue(_folder)!);
        CellWork.Do(folder, request, new Reporter(terminal.Exact), stop.Token);
        return ExitCode.Done;
    }

    // Standard input is a pipe from the study's process; it ends when that process does.
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
