namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>
/// Counts items in bounded memory. Beyond the limit the rarest are dropped, so that counts may be too low by at most
/// <see cref="Uncertainty"/>. Deterministic for the same items in the same order.
/// (Lossy counting: Manku and Motwani, 2002.)
/// </summary>
public sealed class FrequentItems(int most = 100_000)
{
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>Maximum undercount of an item; 0 until the limit is exceeded.</summary>
    public long Uncertainty { get; private set; }

    /// <summary>Adds occurrences of an item.</summary>
    public void Add(string item, long count = 1)
    {
        _counts[item] = _counts.GetValueOrDefault(item) + count;
        while (_counts.Count > most)
        {
            Uncertainty++;
            foreach (var (rare, _) in _counts.Where(pair => pair.Value <= Uncertainty).ToList()) _counts.Remove(rare);
        }
    }

    /// <summary>Adds the counts of another instance.</summary>
    public void Add(FrequentItems other)
    {
        Uncertainty += other.Uncertainty;
        foreach (var (item, count) in other._counts.OrderBy(pair => pair.Key, StringComparer.Ordinal)) Add(item, count);
    }

    /// <summary>Items with their counts, in descending order of count, then in ordinal
    /// order.</summary>
    public IEnumerable<(string Item, long Count)> Top => _counts.OrderByDescending(pair => pair.Value)
        .ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value));
}
