using System.Diagnostics;

namespace AlpacaCot.Training.Loop;

/// <summary>Tokens per second over the last steps, and the time that is left at this pace.</summary>
internal sealed class SpeedMeter
{
    private const int Window = 20;
    private readonly Queue<(long At, int Tokens)> steps = [];
    private long previous = Stopwatch.GetTimestamp();

    /// <summary>Counts one more step.</summary>
    public (double TokensPerSecond, double SecondsLeft) Measure(int tokens, int stepsLeft)
    {
        steps.Enqueue((previous, tokens));
        if (steps.Count > Window) steps.Dequeue();
        previous = Stopwatch.GetTimestamp();
        var seconds = Stopwatch.GetElapsedTime(steps.Peek().At, previous).TotalSeconds;
        return (steps.Sum(s => s.Tokens) / seconds, seconds / steps.Count * stepsLeft);
    }
}
