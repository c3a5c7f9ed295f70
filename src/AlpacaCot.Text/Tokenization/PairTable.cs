using System.Numerics;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Result and rank of merging two adjacent symbols: an open-addressing hash table.</summary>
internal sealed class PairTable
{
    private const ulong Free = ulong.MaxValue;

    private struct Slot { public ulong Key; public int Rank; public int Result; }

    private Slot[] _slots;
    private int _count;

    public PairTable(int expected)
    {
        _slots = Empty(Math.Max(16, expected) * 2);
    }

    /// <summary>Adds a pair; a duplicate replaces the earlier entry.</summary>
    public void Add(int left, int right, int rank, int result)
    {
        if (_count * 2 >= _slots.Length) Grow();
        var key = Key(left, right);
        ref var slot = ref _slots[Find(_slots, key)];
        if (slot.Key == Free) _count++;
        slot = new Slot { Key = key, Rank = rank, Result = result };
    }

    public bool TryGet(int left, int right, out int rank, out int result)
    {
        ref var slot = ref _slots[Find(_slots, Key(left, right))];
        rank = slot.Rank;
        result = slot.Result;
        return slot.Key != Free;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private static int Find(Slot[] slots, ulong key)
    {
        var mask = slots.Length - 1;
        var at = (int)((key * 0x9E3779B97F4A7C15UL) >> 32) & mask;
        while (slots[at].Key != key && slots[at].Key != Free) at = (at + 1) & mask;
        return at;
    }

    private static Slot[] Empty(int size)
    {
        var slots = new Slot[BitOperations.RoundUpToPowerOf2((uint)size)];
        Array.Fill(slots, new Slot { Key = Free, Rank = int.MaxValue });
        return slots;
    }

    private void Grow()
    {
        var old = _slots;
        _slots = Empty(old.Length * 2);
        foreach (var slot in old)
        {
            if (slot.Key != Free) _slots[Find(_slots, slot.Key)] = slot;
        }
    }
}
