using System.Text.Json;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Runs;

namespace AlpacaCot.Studies.Grid;

/// <summary>Cost of a cell's training, measured in its process and stored as <c>metrics.json</c> in its folder.</summary>
/// <param name="TrainableParameters">Number of trained parameters.</param>
/// <param name="TotalParameters">Number of parameters, including the adapter.</param>
/// <param name="PeakBytes">Peak resident memory of the process up to the end of training.</param>
/// <param name="TokensPerSecond">Tokens per second, including prompts but not padding: median over the logged steps.</param>
/// <param name="TokensPerProcessorSecond">
/// The same per second of processor time over all threads, which is independent of other load on the machine.
/// </param>
public sealed record CellMetrics(long TrainableParameters, long TotalParameters, long PeakBytes, double TokensPerSecond,
    double TokensPerProcessorSecond)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    /// <summary>Trained share of the parameters, in percent.</summary>
    public double TrainablePercent() => 100.0 * TrainableParameters / TotalParameters;

    /// <summary>Reads a cell's file; null if it does not exist.</summary>
    public static CellMetrics? Read(string path) =>
        File.Exists(path)
            ? InputBoundary.Read(path, () => JsonSerializer.Deserialize<CellMetrics>(File.ReadAllText(path), Format)) : null;

    /// <summary>Writes the file.</summary>
    public void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, Format));
}

/// <summary>Measures a training and forwards its events. After a resume only the remaining part is measured.</summary>
internal sealed class CellMeter(ITrainingObserver next) : ITrainingObserver
{
    private readonly List<(double Wall, double Processor)> _speeds = [];
    private RunSummary? _summary;
    private long _at;
    private TimeSpan _processor;
    private int _step;

    /// <summary>The measurements so far.</summary>
    public CellMetrics Metrics => new(_summary!.TrainableParameters, _summary.TotalParameters, Platform.PeakResidentBytes,
        Median(_speeds.Select(s => s.Wall)), Median(_speeds.Select(s => s.Processor)));

    public void Started(RunSummary started)
    {
        _summary = started;
        Mark(0);
        next.Started(started);
    }

    public void Step(StepMetrics m)
    {
        var tokens = (double)m.TotalTokens * (m.Step - _step);
        // After a resume the number of the first step is unknown.
        if (_step > 0)
            _speeds.Add((tokens / System.Diagnostics.Stopwatch.GetElapsedTime(_at).TotalSeconds,
                tokens / (Environment.CpuUsage.TotalTime - _processor).TotalSeconds));
        Mark(m.Step);
        next.Step(m);
    }

    public void Validated(ValidationMetrics m) => next.Validated(m);
    public void Saved(string checkpoint) => next.Saved(checkpoint);
    public void Finished(TrainingResult r) => next.Finished(r);
    public void Note(string message) => next.Note(message);

    private void Mark(int done) =>
        (_step, _at, _processor) = (done, System.Diagnostics.Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? 0 : (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
