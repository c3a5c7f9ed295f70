using System.Diagnostics;
using System.Globalization;
using AlpacaCot.Data.Download;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;

namespace AlpacaCot.Bench.Fuzz;

/// <summary>A reader with files that it reads, to be damaged.</summary>
/// <param name="Name">The reader.</param>
/// <param name="Seeds">Valid files.</param>
/// <param name="Read">Reads a damaged file to its end.</param>
internal sealed record FuzzTarget(string Name, IReadOnlyList<byte[]> Seeds, Action<byte[]> Read)
{
    /// <summary>Exceptions that mean a refusal by the program around the reader.</summary>
    public Func<Exception, bool> Refuses { get; init; } = _ => false;

    /// <summary>The longest time for one file.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>The most memory that one file may add to the process, in bytes.</summary>
    public const long MostMemory = 1L << 30;

    /// <summary>Reads one damaged file.</summary>
    /// <param name="number">Chooses the damage; the same number repeats it.</param>
    /// <returns>Null: accepted or refused with a message of the product; else what went wrong.</returns>
    public (bool Accepted, string? Failure) Try(long number)
    {
        var random = new DeterministicRandom(number * 7919 + Name.Sum(c => c * 31));
        var (refusal, failure) = Attempt(Mutation.Of(Seeds[random.NextInt(Seeds.Count)], random), Longest);
        return (refusal is null && failure is null, failure);
    }

    /// <summary>Why no seed is read whole, so that nothing behind the first check would be tried; null: one is.</summary>
    public string? UnreadSeeds()
    {
        string? refusal = null;
        foreach (var seed in Seeds)
        {
            var (refused, failure) = Attempt(seed, Longest);
            if (refused is null && failure is null) return null;
            refusal = refused ?? failure;
        }
        return refusal;
    }

    private (string? Refusal, string? Failure) Attempt(byte[] bytes, TimeSpan longest)
    {
        var reading = Task.Run(() => Read(bytes));
        try
        {
            return reading.Wait(longest) ? (null, null) : (null, $"more than {longest.TotalSeconds} s");
        }
        catch (AggregateException e) when (IsOwn(e.InnerException!) || Refuses(e.InnerException!))
        {
            return (e.InnerException!.Message, null);
        }
        catch (AggregateException e)
        {
            return (null, e.InnerException!.ToString());
        }
    }

    /// <summary>Damages files until a time or a number is reached.</summary>
    /// <param name="first">The number of the first file.</param>
    /// <param name="most">The most files.</param>
    /// <param name="time">The time for all.</param>
    public FuzzOutcome Run(long first, long most, TimeSpan time)
    {
        var (accepted, refused, slowest, failures) = (0L, 0L, TimeSpan.Zero, new List<(long Number, string What)>());
        Platform.TrimMemory();
        GC.Collect();
        ResetPeak();
        var before = Platform.PeakResidentBytes;
        var highest = before;
        var all = Stopwatch.StartNew();
        var number = first;
        for (; number < first + most && all.Elapsed < time && failures.Count < 20; number++)
        {
            var clock = Stopwatch.GetTimestamp();
            var (read, failure) = Try(number);
            var took = Stopwatch.GetElapsedTime(clock);
            if (took > slowest) slowest = took;
            var peak = Platform.PeakResidentBytes;
            if (failure is null && peak > highest + MostMemory) failure = $"{(peak - highest) >> 20} MB for one file";
            highest = Math.Max(highest, peak);
            if (failure is not null) failures.Add((number, failure));
            else if (read) accepted++;
            else refused++;
        }
        return new(number - first, accepted, refused, failures, slowest, (highest - before) >> 20);
    }

    // The errors that the product means: a message for the user.
    private static bool IsOwn(Exception e) => e is InputException or DownloadException or ChatFailureException;

    // So that each reader's peak is its own (Linux).
    private static void ResetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>The header of the table.</summary>
    public const string Header = "reader                     inputs  accepted   refused  failures  slowest s  peak MB";

    /// <summary>A row of the table.</summary>
    public static string Row(string name, FuzzOutcome o) => string.Create(CultureInfo.InvariantCulture,
        $"{name,-24} {o.Inputs,8} {o.Accepted,9} {o.Refused,9} {o.Failures.Count,9} {o.Slowest.TotalSeconds,10:0.00} "
            + $"{o.PeakMegabytes,8}");
}

/// <summary>The outcome of damaged files.</summary>
/// <param name="Inputs">Files.</param>
/// <param name="Accepted">Read to the end.</param>
/// <param name="Refused">Refused with a message for the user.</param>
/// <param name="Failures">Other exceptions, too slow or too large, by the number that repeats them.</param>
/// <param name="Slowest">The longest time.</param>
/// <param name="PeakMegabytes">What the process grew by at most.</param>
internal sealed record FuzzOutcome(long Inputs, long Accepted, long Refused, IReadOnlyList<(long Number, string What)> Failures,
    TimeSpan Slowest, long PeakMegabytes);
