using AlpacaCot.Text;

namespace AlpacaCot.World;

/// <summary>Random sampling for the generator.</summary>
internal sealed class Dice(DeterministicRandom random)
{
    public Dice(long seed) : this(new DeterministicRandom(seed)) { }

    /// <summary>Independent random numbers for one purpose.</summary>
    public Dice For(string purpose) => new(random.Fork(purpose));

    /// <summary>A number from 0 to <paramref name="limit"/> - 1.</summary>
    public int Next(int limit) => random.NextInt(limit);

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => random.NextInt(low, high + 1);

    public bool Chance(int percent) => Next(100) < percent;

    public T Pick<T>(IReadOnlyList<T> items) => random.Choose(items);

    /// <summary><paramref name="count"/> different items in random order.</summary>
    public T[] Pick<T>(IReadOnlyList<T> items, int count) => Shuffle(items)[..count];

    public T[] Shuffle<T>(IEnumerable<T> items)
    {
        var all = items.ToArray();
        random.Shuffle(all.AsSpan());
        return all;
    }
}
