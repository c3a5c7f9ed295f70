namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// The records that have a key in one band: a hash table with open addressing, eight bytes a place, in which a key may stand
/// several times.
/// </summary>
internal sealed class BandTable
{
    /// <summary>
    /// The most records under one key. Without it a large set made from one template, in which very many records agree in a band
    /// but in too little else, would take quadratic time; a record left out of one band is still in the others.
    /// </summary>
    public const int MostOfAKey = 64;

    private ulong[] _places = new ulong[1024];   // key << 32 | record + 1; 0 is empty
    private int _count;

    /// <summary>Adds the records that have this key to a list.</summary>
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
