namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Remembers the ids of frequent words. A fixed number of slots, each holding the last word that fell into it: bounded by
/// construction, and safe for many threads because an entry never changes once published.
/// </summary>
internal sealed class PieceCache
{
    private const int Slots = 1 << 15;
    private const int LongestWord = 32;

    private sealed record Entry(string Text, int[] Ids);

    private readonly Entry?[] _entries = new Entry?[Slots];

    public static bool Holds(ReadOnlySpan<char> text) => text.Length <= LongestWord;

    /// <summary>The ids of <paramref name="text"/>, or null where they are not remembered.</summary>
    public int[]? Find(ReadOnlySpan<char> text)
    {
        var entry = Volatile.Read(ref _entries[Slot(text)]);
        return entry is not null && text.SequenceEqual(entry.Text) ? entry.Ids : null;
    }

    public void Add(ReadOnlySpan<char> text, ReadOnlySpan<int> ids) =>
        Volatile.Write(ref _entries[Slot(text)], new Entry(text.ToString(), ids.ToArray()));

    private static int Slot(ReadOnlySpan<char> text) => string.GetHashCode(text) & (Slots - 1);
}
