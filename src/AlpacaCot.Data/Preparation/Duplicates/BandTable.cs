namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// Maps the keys of one LSH band to records: an open-addressing hash table with eight bytes per slot that stores duplicate
/// keys.
/// </summary>
internal sealed class BandTable
{
    /// <summary>
    /// Maximum number of records per key. Without a limit, a large template-based set, in which many records agree in a band but
    /// are otherwise dissimilar, would take quadratic time. A record omitted from one band is still in the others.
    /// </summary>
    public const int MostOfAKey = 64;

    private ulong[] _places = new ulong[1024];   // key << 32 | record + 1; 0: empty slot
    private int _count;

    /// <summary>Appends the records with a key to a list.</summary>
    public void Find(uint key, List<int> found)
    {
        for (var at = First(key); _places[at] != 0; at = Next(at))
            if (_places[at] >> 32 == key) found.Add((int)(uint)_places[at] - 1);
    }

    /// <summary>Adds a record.</summary>
    public void Add(uint key, int record)
    {
        if (4 * (_count + 1) > 3 * _places.Length) Grow();
        var same = 0;
        var at = First(key);
        for (; _places[at] != 0; at = Next(at))
            if (_places[at] >> 32 == key && ++same == MostOfAKey) return;
        _places[at] = (ulong)key << 32 | (uint)(record + 1);
        _count++;
    }

    private int First(uint key) => (int)(key & (uint)(_places.Length - 1));

    private int Next(int at) => (at + 1) & (_places.Length - 1);

    private void Grow()
    {
        var old = _places;
        _places = new ulong[2 * old.Length];
        foreach (var place in old)
        {
            if (place == 0) continue;
            var at = First((uint)(place >> 32));
            while (_places[at] != 0) at = Next(at);
            _places[at] = place;
        }
    }
}
