namespace AlpacaCot.Text.Tokenization;

/// <summary>
/// Caches the ids of frequent words. Each of a fixed number of slots contains the last word with its hash; thread-safe,
/// because an entry is immutable once published.
/// </summary>
internal sealed class PieceCache
{
    private const int Slots = 1 << 15;
    private const int LongestWord = 32;

    private sealed record Entry(string Text, int[] Ids);

    private readonly Entry?[] _entries = new Entry?[Slots];

    public static bool Holds(ReadOnlySpan<char> text) => text.Length <= LongestWord;

    /// <summary>The cached ids of <paramref name="text"/>, or null.</summary>
    public int[]? Find(ReadOnlySpan<char> text)
    {
        var entry = Volatile.Read(ref _entries[Slot(text)]);
        return entry is not null && text.SequenceEqual(entry.Text) ? entry.Ids : null;
    }

    public void Add(ReadOnlySpan<char> text, ReadOnlySpan<int> ids) =>
        Volatile.Write(ref _entries[Slot(text)], new Entry(text.ToString(), ids.ToArray()));

    private static int Slot(ReadOnlySpan<char> text) => string.GetHashCode(text) & (Slots - 1);
}
