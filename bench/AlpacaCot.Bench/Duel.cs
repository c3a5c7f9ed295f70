using System.Diagnostics;

namespace AlpacaCot.Bench;

/// <summary>
/// Times two implementations of the same work alternately in one process, so that other load affects both equally. The best time
/// of each counts, because noise only adds time.
/// </summary>
internal static class Duel
{
    public static void Header() => Console.WriteLine($"{"work",-52} {"plain ms",10} {"ours ms",10} {"ratio",7} {"max diff",10}");

    /// <param name="work">Description with sizes.</param>
    /// <param name="plain">The reference; returns a number for comparison.</param>
    /// <param name="ours">The kernel; must return nearly the same number.</param>
    /// <param name="flop">The operations of the work, for a rate of ours; 0: none.</param>
    /// <param name="comparable">Whether both return the same number.</param>
    public static void Run(string work, Func<double> plain, Func<double> ours, double flop = 0, bool comparable = true)
    {
        var difference = Math.Abs(plain() - ours()) / Math.Max(1e-9, Math.Abs(plain())); // also warms up
        var (best, bestOurs) = (double.MaxValue, double.MaxValue);
        for (var repetition = 0; repetition < 20; repetition++)
        {
            best = Math.Min(best, Time(plain));
            bestOurs = Math.Min(bestOurs, Time(ours));
        }
        Console.WriteLine($"{work,-52} {best,10:F3} {bestOurs,10:F3} {best / bestOurs,6:F2}x "
            + (comparable ? $"{difference,10:E1}" : $"{"",10}") + (flop > 0 ? $" {flop / bestOurs / 1e6,8:F0} GFLOP/s" : ""));
    }

    private static double Time(Func<double> work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
