using System.Numerics;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>
/// Histogram of lengths in bounded memory: exact bins below 1,024, then 64 bins per octave. Count, sum, minimum and maximum are
/// exact; the relative error of quantiles is below 1/64.
/// </summary>
public sealed class LengthHistogram
{
    private const int Exact = 1024, ExactBits = 10, Steps = 64, StepBits = 6;
    private readonly List<long> _counts = [];

    /// <summary>Number of lengths.</summary>
    public long Count { get; private set; }

    /// <summary>Sum of the lengths.</summary>
    public long Sum { get; private set; }

    /// <summary>Minimum; 0 if empty.</summary>
    public long Least { get; private set; }

    /// <summary>Maximum; 0 if empty.</summary>
    public long Greatest { get; private set; }

    /// <summary>Mean; 0 if empty.</summary>
    public double Mean => Count == 0 ? 0 : (double)Sum / Count;

    /// <summary>Adds a non-negative length.</summary>
    public void Add(long length)
    {
        var bin = Bin(length);
        while (_counts.Count <= bin) _counts.Add(0);
        _counts[bin]++;
        (Least, Greatest) = Count == 0 ? (length, length) : (Math.Min(Least, length), Math.Max(Greatest, length));
        Count++;
        Sum += length;
    }

    /// <summary>Adds the counts of another instance.</summary>
    public void Add(LengthHistogram other)
    {
        if (other.Count == 0) return;
        while (_counts.Count < other._counts.Count) _counts.Add(0);
        for (var i = 0; i < other._counts.Count; i++) _counts[i] += other._counts[i];
        (Least, Greatest) = Count == 0 ? (other.Least, other.Greatest)
            : (Math.Min(Least, other.Least), Math.Max(Greatest, other.Greatest));
        Count += other.Count;
        Sum += other.Sum;
    }

    /// <summary>Returns a quantile.</summary>
    /// <param name="share">The quantile's level, from 0 to 1; 0.5 is the median.</param>
    public long Quantile(double share)
    {
        var rank = Math.Clamp((long)Math.Ceiling(share * Count), 1, Math.Max(1, Count));
        for (var (bin, seen) = (0, 0L); bin < _counts.Count; bin++)
            if ((seen += _counts[bin]) >= rank) return Math.Clamp(Start(bin), Least, Greatest);
        return Greatest;
    }

    /// <summary>Non-empty bins in ascending order: inclusive lower bound, exclusive upper bound, count.</summary>
    public IEnumerable<(long From, long To, long Count)> Bins =>
        _counts.Select((count, bin) => (Start(bin), Start(bin + 1), count)).Where(bin => bin.count > 0);

    private static int Bin(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        if (length < Exact) return (int)length;
        var doubling = BitOperations.Log2((ulong)length);
        return Exact + (doubling - ExactBits) * Steps + (int)((length >> (doubling - StepBits)) & (Steps - 1));
    }

    private static long Start(int bin)
    {
        if (bin < Exact) return bin;
        var (doubling, step) = Math.DivRem(bin - Exact, Steps);
        return (long)(Steps + step) << (doubling + ExactBits - StepBits);
    }
}
