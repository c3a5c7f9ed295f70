namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>
/// Counts words in bounded memory. Where there are too many different ones, the rarest are forgotten: the counts of the frequent
/// are then too low by at most <see cref="Uncertainty"/>. The same words in the same order give the same counts.
/// (Lossy counting: Manku and Motwani, 2002.)
/// </summary>
public sealed class FrequentItems(int most = 100_000)
{
    private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>By how much a count may be too low; 0 as long as all words had room.</summary>
    public long Uncertainty { get; private set; }

    /// <summary>Adds a word.</summary>
    public void Add(string item, long count = 1)
    {
        _counts[item] = _counts.GetValueOrDefault(item) + count;
        while (_counts.Count > most)
        {
            Uncertainty++;
            foreach (var (rare, _) in _counts.Where(pair => pair.Value <= Uncertainty).ToList()) _counts.Remove(rare);
        }
    }

    /// <summary>Adds all that another one has counted.</summary>
    public void Add(FrequentItems other)
    {
        Uncertainty += other.Uncertainty;
        foreach (var (item, count) in other._counts.OrderBy(pair => pair.Key, StringComparer.Ordinal)) Add(item, count);
    }

    /// <summary>The words and their counts, the most frequent first, equally frequent ones in the order of their
    /// letters.</summary>
    public IEnumerable<(string Item, long Count)> Top => _counts.OrderByDescending(pair => pair.Value)
        .ThenBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (pair.Key, pair.Value));
}
