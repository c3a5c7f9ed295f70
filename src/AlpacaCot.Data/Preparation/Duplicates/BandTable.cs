namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// Maps the keys of one LSH band to records, several records to a key. Most entries are settled: grouped by the upper half of the
/// key, six bytes each, the lower half and the record. Recent ones are in a small hash table until they are settled together.
/// </summary>
/// <param name="scratch">Arrays that all bands use in turn while they settle.</param>
internal sealed class BandTable(SettlingArrays scratch)
{
    /// <summary>
    /// Maximum number of records per key. Without a limit, a large template-based set, in which many records agree in a band but
    /// are otherwise dissimilar, would take quadratic time. A record omitted from one band is still in the others.
    /// </summary>
    public const int MostOfAKey = 64;

    private const int Groups = 1 << 16, LeastSettled = 1 << 14, RecentShare = 16;

    private readonly Slabs<ushort> _lows = new();
    private readonly Slabs<int> _records = new();
    private int[] _starts = [];                  // the first settled entry of each group, and the end
    private ulong[] _recent = new ulong[1024];   // key << 32 | record + 1; 0: empty slot
    private int _recentCount;

    /// <summary>Appends the records with a key to a list; returns their number.</summary>
    public int Find(uint key, List<int> found)
    {
        var before = found.Count;
        if (_starts.Length > 0)
        {
            var (group, low) = (key >> 16, (ushort)key);
            for (int at = _starts[group], end = _starts[group + 1]; at < end;)
            {
                var run = _lows.Run(at, end);
                for (var i = run.IndexOf(low); i >= 0;)
                {
                    found.Add(_records[at + i]);
                    var next = run[(i + 1)..].IndexOf(low);
                    i = next < 0 ? -1 : i + 1 + next;
                }
                at += run.Length;
            }
        }
        for (var at = First(key); _recent[at] != 0; at = Next(at))
            if (_recent[at] >> 32 == key) found.Add((int)(uint)_recent[at] - 1);
        return found.Count - before;
    }

    /// <summary>Adds a record.</summary>
    /// <param name="key">The key.</param>
    /// <param name="record">The record.</param>
    /// <param name="same">The number of records that <see cref="Find"/> gave for the key.</param>
    public void Add(uint key, int record, int same)
    {
        if (same >= MostOfAKey) return;
        if (_recentCount >= Math.Max(LeastSettled, _records.Count / RecentShare)) Settle();
        if (4 * (_recentCount + 1) > 3 * _recent.Length) Grow();
        Insert((ulong)key << 32 | (uint)(record + 1));
        _recentCount++;
    }

    private void Insert(ulong entry)
    {
        var at = First((uint)(entry >> 32));
        while (_recent[at] != 0) at = Next(at);
        _recent[at] = entry;
    }

    private int First(uint key) => (int)(key & (uint)(_recent.Length - 1));

    private int Next(int at) => (at + 1) & (_recent.Length - 1);

    private void Grow()
    {
        var old = _recent;
        _recent = new ulong[2 * old.Length];
        foreach (var entry in old)
            if (entry != 0) Insert(entry);
    }

    // Moves the groups apart in place, from the last to the first, and puts the recent entries behind those of their group.
    private void Settle()
    {
        if (_starts.Length == 0) _starts = new int[Groups + 1];
        var (ends, free, ordered) = scratch.For(Groups, _recentCount);   // ends of the recent entries of each group, in order
        foreach (var entry in _recent)
            if (entry != 0) ends[entry >> 48]++;
        for (var group = 1; group < Groups; group++) ends[group] += ends[group - 1];
        ends.CopyTo(free, 0);
        foreach (var entry in _recent)
            if (entry != 0) ordered[--free[entry >> 48]] = entry;

        var to = _records.Count + _recentCount;
        _lows.Grow(_recentCount);
        _records.Grow(_recentCount);
        for (var group = Groups - 1; group >= 0; group--)
        {
            var (start, end) = (_starts[group], _starts[group + 1]);
            var recent = group == 0 ? 0 : ends[group - 1];
            _starts[group + 1] = to;
            for (var i = ends[group] - 1; i >= recent; i--)
            {
                _lows[--to] = (ushort)(ordered[i] >> 32);
                _records[to] = (int)(uint)ordered[i] - 1;
            }
            if (to == end) break;   // no recent entry is in this group or before it
            for (var i = end - 1; i >= start; i--)
            {
                _lows[--to] = _lows[i];
                _records[to] = _records[i];
            }
        }
        Array.Clear(_recent);
        _recentCount = 0;
    }
}

/// <summary>Arrays for <see cref="BandTable"/>, used by one band after another.</summary>
internal sealed class SettlingArrays
{
    private int[] _ends = [], _free = [];
    private ulong[] _ordered = [];

    /// <summary>Two cleared arrays of counts, and one of at least so many entries.</summary>
    public (int[] Ends, int[] Free, ulong[] Ordered) For(int groups, int entries)
    {
        if (_ends.Length < groups) (_ends, _free) = (new int[groups], new int[groups]);
        Array.Clear(_ends);
        if (_ordered.Length < entries) _ordered = new ulong[entries + entries / 4];
        return (_ends, _free, _ordered);
    }
}
