using System.Diagnostics;

namespace AlpacaCot.Training.Loop;

/// <summary>Tokens per second over the last steps, and the remaining time at this rate.</summary>
internal sealed class SpeedMeter
{
    private const int Window = 20;
    private readonly Queue<(long At, int Tokens)> _steps = [];
    private long _previous = Stopwatch.GetTimestamp();

    /// <summary>Records a step.</summary>
    public (double TokensPerSecond, double SecondsLeft) Measure(int tokens, int stepsLeft)
    {
        _steps.Enqueue((_previous, tokens));
        if (_steps.Count > Window) _steps.Dequeue();
        _previous = Stopwatch.GetTimestamp();
        var seconds = Stopwatch.GetElapsedTime(_steps.Peek().At, _previous).TotalSeconds;
        return (_steps.Sum(s => s.Tokens) / seconds, seconds / _steps.Count * stepsLeft);
    }
}
