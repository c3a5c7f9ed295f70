using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Caches the ids of frequent words: each of a fixed number of slots, one cache line long, contains the last word with its hash.
/// It belongs to one thread at a time and allocates nothing after its start.
/// </summary>
internal sealed class PieceCache
{
    private const int Slots = 1 << 15, LongestWord = 16, MostIds = 7;

    private readonly Slot[] _slots = new Slot[Slots];

    public static bool Holds(ReadOnlySpan<char> text) => text.Length is > 0 and <= LongestWord;

    /// <summary>The ids of a word that <see cref="Holds"/>, valid until the next word is added; empty if they are not
    /// cached.</summary>
    public ReadOnlySpan<int> Find(ReadOnlySpan<char> text)
    {
        ref var slot = ref _slots[SlotOf(text)];
        return slot.Length == text.Length && text.SequenceEqual(slot.Text[..text.Length]) ? slot.Ids[..slot.Count] : [];
    }

    public void Add(ReadOnlySpan<char> text, ReadOnlySpan<int> ids)
    {
        if (ids.Length is 0 or > MostIds) return;
        ref var slot = ref _slots[SlotOf(text)];
        text.CopyTo(slot.Text);
        ids.CopyTo(slot.Ids);
        (slot.Length, slot.Count) = ((byte)text.Length, (byte)ids.Length);
    }

    private static int SlotOf(ReadOnlySpan<char> text)
    {
        const ulong Factor = 0x9E3779B97F4A7C15;
        var hash = (ulong)text.Length;
        for (; text.Length >= 4; text = text[4..])
        {
            hash = (hash ^ MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(text))) * Factor;
            hash ^= hash >> 32;
        }
        foreach (var c in text) hash = (hash ^ c) * Factor;
        return (int)(hash >> 49);
    }

    private struct Slot
    {
        public Characters Text;
        public Numbers Ids;
        public byte Length, Count;
    }

    [InlineArray(LongestWord)]
    private struct Characters
    {
        private char _first;
    }

    [InlineArray(MostIds)]
    private struct Numbers
    {
        private int _first;
    }
}
