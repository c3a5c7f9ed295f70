using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Grid;

/// <summary>Progress of a cell's process.</summary>
/// <param name="Part">Current part: <c>training</c> or the name of a benchmark.</param>
/// <param name="Done">Number of finished steps or answers.</param>
/// <param name="Total">Total number.</param>
/// <param name="Loss">Training loss; null otherwise.</param>
public sealed record CellProgress(string Part, int Done, int Total, double? Loss = null);

/// <summary>Observes a running study; called from one thread at a time.</summary>
public interface IStudyObserver
{
    /// <summary>Called once the cells are known; some may be finished already.</summary>
    void Started(int cells, int finished, int jobs);

    /// <summary>Called when work on a cell starts.</summary>
    void CellStarted(StudyCell cell);

    /// <summary>Called when a cell makes progress.</summary>
    void CellProgressed(StudyCell cell, CellProgress progress);

    /// <summary>Called when a cell's recipe cannot be trained; the study continues without it.</summary>
    void CellRefused(StudyCell cell, string reason);

    /// <summary>Called when a cell ends; <paramref name="problem"/> is null on success.</summary>
    void CellEnded(StudyCell cell, TimeSpan elapsed, string? problem);
}

/// <summary>
/// Runs the unfinished cells of a study, each in its own process: trainings in one process would share the tensor library's
/// random state, and a crash would end all of them.
/// </summary>
/// <param name="study">The study.</param>
/// <param name="program">Command of the worker: program and arguments; the cell's folder is appended.</param>
public sealed class StudyRunner(Study study, IReadOnlyList<string> program)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // time for a stopped cell to save its state

    private readonly Lock _watching = new();

    /// <summary>Number of concurrent cells. Default: 1.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>All cells with their folders and benchmarks, in the order of the arms.</summary>
    public static IReadOnlyList<(StudyCell Cell, CellFolder Folder, IReadOnlyList<AskedBenchmark> Asked)> CellFolders(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        var contents = new Dictionary<string, string>();
        var folders = new Dictionary<string, CellFolder>(); // cells that differ only in the evaluation share a folder
        return [.. study.Cells.Select(cell => (cell, Folder(CellFolder.Of(study, cell, contents)),
            (IReadOnlyList<AskedBenchmark>)[.. study.Benchmarks.Select(b => AskedBenchmark.Of(b, cell.Arm, contents))]))];

        CellFolder Folder(CellFolder own) => folders.TryAdd(own.Fingerprint, own) ? own : folders[own.Fingerprint];
    }

    /// <summary>Runs all unfinished cells; cells with equal fingerprints run once, with the union of their benchmarks.</summary>
    /// <returns>Problems of failed cells, by name; empty if all are finished.</returns>
    /// <exception cref="InputException">Another process runs this study.</exception>
    /// <exception cref="OperationCanceledException">The run was stopped; the next run continues.</exception>
    public IReadOnlyDictionary<string, string> Run(IStudyObserver observer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(observer);
        Directory.CreateDirectory(study.Output);
        using var held = Hold();
        var places = CellFolders(study).GroupBy(p => p.Folder.Fingerprint, (_, same) => same.Aggregate((one, other) => one with
        {
            Asked = [.. one.Asked.UnionBy(other.Asked, a => a.Fingerprint)],
        })).ToList();
        var open = new ConcurrentQueue<(StudyCell Cell, CellFolder Folder, IReadOnlyList<AskedBenchmark> Asked)>(
            places.Where(p => !p.Folder.IsFinished(p.Asked)));
        observer.Started(places.Count, places.Count - open.Count, Jobs);
        var problems = new ConcurrentDictionary<string, string>();
        var workers = Enumerable.Range(0, Math.Min(Jobs, open.Count)).Select(_ => Task.Factory.StartNew(() =>
        {
            while (!cancel.IsCancellationRequested && open.TryDequeue(out var next))
            {
                lock (_watching) observer.CellStarted(next.Cell);
                var clock = Stopwatch.StartNew();
                next.Folder.WriteOrder(next.Cell, next.Asked, study.Threads ?? Environment.ProcessorCount);
                var problem = Work(next.Cell, next.Folder, observer, cancel);
                if (problem is null && next.Folder.Refusal is { } reason)
                {
                    lock (_watching) observer.CellRefused(next.Cell, reason);
                    continue;
                }
                if (problem is null && !next.Folder.IsFinished(next.Asked)) problem = "it ended without a result";
                if (problem is not null && !cancel.IsCancellationRequested) problems[next.Cell.Name] = problem;
                lock (_watching) observer.CellEnded(next.Cell, clock.Elapsed, problem);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(workers, CancellationToken.None);
        cancel.ThrowIfCancellationRequested();
        return problems;
    }

    // Runs one child process; null on success.
    private string? Work(StudyCell cell, CellFolder folder, IStudyObserver observer, CancellationToken cancel)
    {
        var threads = (study.Threads ?? Environment.ProcessorCount).ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(program[0], [.. program.Skip(1), folder.Path])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["OMP_NUM_THREADS"] = threads, ["MKL_NUM_THREADS"] = threads },
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program[0]} could not be started");
        var said = new Queue<string>();
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } json && JsonSerializer.Deserialize<CellProgress>(json) is { } progress)
                lock (_watching) observer.CellProgressed(cell, progress);
        };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (said)
            {
                if (!string.IsNullOrWhiteSpace(line.Data)) said.Enqueue(line.Data);
                if (said.Count > 8) said.Dequeue();
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        // End of input asks the process to stop, also if the parent was killed.
        using var stop = cancel.Register(process.StandardInput.Close);
        while (!process.WaitForExit(200))
            if (cancel.IsCancellationRequested && !process.WaitForExit(Patience)) process.Kill(entireProcessTree: true);
        process.WaitForExit();
        if (process.ExitCode == 0) return null;
        const string Error = "error: ";
        lock (said)
            return said.LastOrDefault(line => line.StartsWith(Error, StringComparison.Ordinal))?[Error.Length..]
                ?? string.Join(" ", said.DefaultIfEmpty($"its process ended with code {process.ExitCode}"));
    }

    private FileStream Hold()
    {
        try
        {
            return new FileStream(Path.Combine(study.Output, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite,
                FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{study.Output}: another process runs this study, or the folder is not writable: "
                + $"{e.Message}", e);
        }
    }
}
