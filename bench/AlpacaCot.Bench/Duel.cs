using System.Diagnostics;

namespace AlpacaCot.Bench;

/// <summary>
/// Two ways of doing the same work, timed in turns in one process so that other load hits both alike. The best time of each
/// counts: noise only ever adds.
/// </summary>
internal static class Duel
{
    public static void Header() => Console.WriteLine($"{"work",-44} {"plain ms",10} {"ours ms",10} {"ratio",7} {"max diff",10}");

    /// <param name="work">What is done, with its sizes.</param>
    /// <param name="plain">The reference; gives a number that both sides must agree on.</param>
    /// <param name="ours">The kernel.</param>
    public static void Run(string work, Func<double> plain, Func<double> ours)
    {
        var difference = Math.Abs(plain() - ours()) / Math.Max(1e-9, Math.Abs(plain())); // also warms up
        var (best, bestOurs) = (double.MaxValue, double.MaxValue);
        for (var repetition = 0; repetition < 20; repetition++)
        {
            best = Math.Min(best, Time(plain));
            bestOurs = Math.Min(bestOurs, Time(ours));
        }
        Console.WriteLine($"{work,-44} {best,10:F3} {bestOurs,10:F3} {best / bestOurs,6:F2}x {difference,10:E1}");
    }

    private static double Time(Func<double> work)
    {
        var start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
