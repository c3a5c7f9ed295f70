using AlpacaCot.Training.Runs;

namespace AlpacaCot.Training.Loop;

/// <summary>
/// The metrics of a step, read when they are needed: on a device reading waits until all work before is done. The first reading
/// checks them.
/// </summary>
/// <param name="read">Reads and checks the numbers.</param>
/// <param name="held">What the reading needs.</param>
internal sealed class StepReading(Func<StepMetrics> read, params IReadOnlyList<IDisposable?> held) : IDisposable
{
    private StepMetrics? _metrics;

    /// <summary>The metrics.</summary>
    /// <exception cref="TrainingFailedException">The loss or the gradient is invalid.</exception>
    public StepMetrics Read() => _metrics ??= read();

    public void Dispose()
    {
        foreach (var part in held) part?.Dispose();
    }
}
