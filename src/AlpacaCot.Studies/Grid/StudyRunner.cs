using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Grid;

/// <summary>What a cell's process says about its work.</summary>
/// <param name="Part">What it is at: <c>training</c> or the name of a benchmark.</param>
/// <param name="Done">Steps or answers.</param>
/// <param name="Total">Of how many.</param>
/// <param name="Loss">The training loss.</param>
public sealed record CellProgress(string Part, int Done, int Total, double? Loss = null);

/// <summary>Watches a study being run; called from one thread at a time.</summary>
public interface IStudyObserver
{
    /// <summary>The cells are known; some may be finished already.</summary>
    void Started(int cells, int finished, int jobs);

    /// <summary>Work on a cell begins.</summary>
    void CellStarted(StudyCell cell);

    /// <summary>It goes on.</summary>
    void CellProgressed(StudyCell cell, CellProgress progress);

    /// <summary>It ended: what it asks for cannot be trained, and the study goes on without it.</summary>
    void CellRefused(StudyCell cell, string reason);

    /// <summary>It ended; with a problem, it did not succeed.</summary>
    void CellEnded(StudyCell cell, TimeSpan elapsed, string? problem);
}

/// <summary>
/// Runs the cells of a study that are not finished, each in a process of its own: two trainings in one process would share the
/// tensor library's random numbers, and a crash of one would be the end of both.
/// </summary>
/// <param name="study">The study.</param>
/// <param name="program">The command that works on a cell: program and arguments, to which the cell's folder is added.</param>
public sealed class StudyRunner(Study study, IReadOnlyList<string> program)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // for a stopped cell to save what it has

    private readonly Lock watching = new();

    /// <summary>Cells at the same time.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Every cell with its folder and what it is asked, in the order of the arms.</summary>
    public static IReadOnlyList<(StudyCell Cell, CellFolder Folder, IReadOnlyList<AskedBenchmark> Asked)> Places(Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        var contents = new Dictionary<string, string>();
        var folders = new Dictionary<string, CellFolder>(); // cells that differ in how they are asked alone share one
        return [.. study.Cells.Select(cell => (cell, Folder(CellFolder.Of(study, cell, contents)),
            (IReadOnlyList<AskedBenchmark>)[.. study.Benchmarks.Select(b => AskedBenchmark.Of(b, cell.Arm, contents))]))];

        CellFolder Folder(CellFolder own) => folders.TryAdd(own.Fingerprint, own) ? own : folders[own.Fingerprint];
    }

    /// <summary>Runs what is not finished; cells with the same fingerprint are one, asked all that each of them is.</summary>
    /// <returns>The problems of the cells that failed, by name; none when all are finished.</returns>
    /// <exception cref="InputException">Another process runs this study.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; the next run goes on.</exception>
    public IReadOnlyDictionary<string, string> Run(IStudyObserver observer, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(observer);
        Directory.CreateDirectory(study.Output);
        using var held = Hold();
        var places = Places(study).GroupBy(p => p.Folder.Fingerprint, (_, same) => same.Aggregate((one, other) => one with
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
                lock (watching) observer.CellStarted(next.Cell);
                var clock = Stopwatch.StartNew();
                next.Folder.WriteOrder(next.Cell, next.Asked, study.Threads ?? Environment.ProcessorCount);
                var problem = Work(next.Cell, next.Folder, observer, cancel);
                if (problem is null && next.Folder.Refusal is { } reason)
                {
                    lock (watching) observer.CellRefused(next.Cell, reason);
                    continue;
                }
                if (problem is null && !next.Folder.IsFinished(next.Asked)) problem = "it ended without a result";
                if (problem is not null && !cancel.IsCancellationRequested) problems[next.Cell.Name] = problem;
                lock (watching) observer.CellEnded(next.Cell, clock.Elapsed, problem);
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        Task.WaitAll(workers, CancellationToken.None);
        cancel.ThrowIfCancellationRequested();
        return problems;
    }

    // One child process; null when it went well.
    private string? Work(StudyCell cell, CellFolder folder, IStudyObserver observer, CancellationToken cancel)
    {
        var threads = (study.Threads ?? Environment.ProcessorCount).ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo(program[0], [.. program.Skip(1), folder.Path])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            Environment = { ["OMP_NUM_THREADS"] = threads, ["MKL_NUM_THREADS"] = threads },
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program[0]} does not start");
        var said = new Queue<string>();
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } json && JsonSerializer.Deserialize<CellProgress>(json) is { } progress)
                lock (watching) observer.CellProgressed(cell, progress);
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
        // The end of its input tells the process to stop: so it also hears of a parent that was killed.
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
            throw new InputException($"{study.Output}: another process runs a study there, or the folder cannot be written: "
                + $"{e.Message}", e);
        }
    }
}
