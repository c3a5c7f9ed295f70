using System.Globalization;
using System.Text;

namespace AlpacaCot.Models.Runtime;

/// <summary>
/// How much other processes compute on the processors that this process may use. Source: /proc/stat, which counts time in
/// hundredths of a second for each processor.
/// </summary>
internal sealed class OtherWork
{
    private const double TicksPerSecond = 100; // USER_HZ, the same on every architecture that libtorch supports

    private readonly IReadOnlySet<int> _processors;
    private readonly Func<byte[]> _read;
    private readonly Func<(TimeSpan Own, TimeSpan Now)> _clock;
    private (long Ticks, TimeSpan Own, TimeSpan Now) _last;

    /// <param name="processors">The numbers of the processors that this process may use.</param>
    /// <param name="read">Reads /proc/stat.</param>
    /// <param name="clock">The processor time that this process has used, and the time.</param>
    public OtherWork(IReadOnlySet<int> processors, Func<byte[]> read, Func<(TimeSpan Own, TimeSpan Now)> clock)
    {
        (_processors, _read, _clock) = (processors, read, clock);
        _last = Sample();
    }

    /// <summary>The number of processors that this process may use.</summary>
    public int Processors => _processors.Count;

    /// <summary>Measures this machine; null where /proc has no such counters.</summary>
    public static OtherWork? OnThisMachine()
    {
        try
        {
            if (Platform.Field(Platform.Status, "Cpus_allowed_list") is not { } allowed) return null;
            var processors = Numbers(allowed);
            var work = new OtherWork(processors, () => File.ReadAllBytes("/proc/stat"),
                () => (Environment.CpuUsage.TotalTime, System.Diagnostics.Stopwatch.GetElapsedTime(0)));
            return work._last.Ticks > 0 ? work : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return null;
        }
    }

    /// <summary>The cores that other processes kept busy since the last call: 0.5 for one that computed half the time.</summary>
    public double Cores()
    {
        var (before, now) = (_last, Sample());
        _last = now;
        var seconds = (now.Now - before.Now).TotalSeconds;
        return seconds <= 0 ? 0
            : Math.Max(0, ((now.Ticks - before.Ticks) / TicksPerSecond - (now.Own - before.Own).TotalSeconds) / seconds);
    }

    private (long Ticks, TimeSpan Own, TimeSpan Now) Sample()
    {
        var (own, now) = _clock();
        return (BusyTicks(_read(), _processors), own, now);
    }

    /// <summary>The numbers of a list such as <c>0-3,8</c>.</summary>
    internal static HashSet<int> Numbers(string list) => list.Trim().Split(',').SelectMany(part =>
    {
        var ends = part.Split('-').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray();
        return Enumerable.Range(ends[0], ends[^1] - ends[0] + 1);
    }).ToHashSet();

    /// <summary>
    /// The time that processors computed, for this system or for another beside it (steal). Lines are <c>cpu3 user nice system
    /// idle iowait irq softirq steal guest guest_nice</c>; guest time is a part of user time.
    /// </summary>
    internal static long BusyTicks(ReadOnlySpan<byte> stat, IReadOnlySet<int> processors)
    {
        var sum = 0L;
        while (stat.StartsWith("cpu"u8))
        {
            var end = stat.IndexOf((byte)'\n');
            var line = end < 0 ? stat : stat[..end];
            stat = end < 0 ? default : stat[(end + 1)..];
            var fields = Encoding.ASCII.GetString(line).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (!int.TryParse(fields[0].AsSpan(3), out var number) || !processors.Contains(number)) continue;
            for (var i = 1; i < Math.Min(fields.Length, 9); i++)
                if (i is not (4 or 5)) sum += long.Parse(fields[i], CultureInfo.InvariantCulture);
        }
        return sum;
    }
}
