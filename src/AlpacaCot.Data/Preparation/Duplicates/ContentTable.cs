namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>Finds the kept record with a content by its 128-bit hash; records are numbered in the order in which they are
/// added.</summary>
internal sealed class ContentTable
{
    private readonly Slabs<UInt128> _contents = new();
    private int[] _slots = new int[1024];   // record + 1; 0: empty

    /// <summary>The record with a content, or -1.</summary>
    public int Find(UInt128 content)
    {
        for (var at = First(content); _slots[at] != 0; at = (at + 1) & (_slots.Length - 1))
            if (_contents[_slots[at] - 1] == content) return _slots[at] - 1;
        return -1;
    }

    /// <summary>Adds the next record, whose content is new.</summary>
    public void Add(UInt128 content)
    {
        _contents.Add(content);
        if (4 * _contents.Count > 3 * _slots.Length)
        {
            _slots = new int[2 * _slots.Length];
            for (var record = 0; record < _contents.Count - 1; record++) Insert(record);
        }
        Insert(_contents.Count - 1);
    }

    private void Insert(int record)
    {
        var at = First(_contents[record]);
        while (_slots[at] != 0) at = (at + 1) & (_slots.Length - 1);
        _slots[at] = record + 1;
    }

    private int First(UInt128 content) => (int)((ulong)content & (ulong)(_slots.Length - 1));
}
