namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>A list in parts of a fixed size: it grows without copies and without unused halves.</summary>
internal sealed class Slabs<T>
    where T : struct
{
    private const int Bits = 15, Size = 1 << Bits;

    private readonly List<T[]> _slabs = [];

    public int Count { get; private set; }

    public ref T this[int index] => ref _slabs[index >> Bits][index & (Size - 1)];

    public void Add(T item)
    {
        Grow(1);
        this[Count - 1] = item;
    }

    /// <summary>Adds items without a value.</summary>
    public void Grow(int items)
    {
        Count += items;
        while (_slabs.Count << Bits < Count) _slabs.Add(new T[Size]);
    }

    /// <summary>The items from one index on, at most to another, that are next to each other in memory.</summary>
    public ReadOnlySpan<T> Run(int start, int end)
    {
        var at = start & (Size - 1);
        return _slabs[start >> Bits].AsSpan(at, Math.Min(end - start, Size - at));
    }
}
