namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// Shingle set of a text (Broder 1997): all sequences of adjacent words, or of adjacent characters in scripts without spaces.
/// A run shorter than a shingle is one shingle.
/// </summary>
internal static class Shingles
{
    /// <summary>The sorted, distinct shingle hashes of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="words">Words per shingle.</param>
    /// <param name="characters">Characters per shingle for scripts without spaces.</param>
    /// <param name="discrete">A number that distinguishes texts of different kinds: their sets are disjoint.</param>
    public static ulong[] Of(string text, int words, int characters, ulong discrete = 0)
    {
        var units = _scratch ??= [];
        TextUnits.Scan(ComparableText.Of(text), units);
        var shingles = new ulong[units.Count];
        var count = 0;
        for (int start = 0, end; start < units.Count; start = end)
        {
            for (end = start + 1; end < units.Count && units[end].Unspaced == units[start].Unspaced; end++) { }
            var length = Math.Min(units[start].Unspaced ? characters : words, end - start);
            for (var i = start; i + length <= end; i++) shingles[count++] = Hash(units, i, length);
        }
        for (var i = 0; discrete != 0 && i < count; i++) shingles[i] = TextUnits.Mix(shingles[i] ^ discrete);
        return SortedSet(shingles, count);
    }

    /// <summary>Jaccard similarity: size of the intersection over size of the union. Both sets must be sorted.</summary>
    public static double Jaccard(ReadOnlySpan<ulong> a, ReadOnlySpan<ulong> b)
    {
        var (i, j, shared) = (0, 0, 0);
        while (i < a.Length && j < b.Length)
        {
            var (x, y) = (a[i], b[j]);
            if (x == y) shared++;
            if (x <= y) i++;
            if (y <= x) j++;
        }
        return shared / (double)Math.Max(1, a.Length + b.Length - shared);
    }

    [ThreadStatic] private static List<TextUnit>? _scratch;

    private static ulong Hash(List<TextUnit> units, int start, int length)
    {
        var hash = 0UL;
        for (var i = start; i < start + length; i++) hash = hash * 0x9FB21C651E98DF25 + units[i].Hash;
        return TextUnits.Mix(hash);
    }

    private static ulong[] SortedSet(ulong[] hashes, int count)
    {
        Array.Sort(hashes, 0, count);
        var distinct = 0;
        for (var i = 0; i < count; i++)
            if (i == 0 || hashes[i] != hashes[i - 1]) hashes[distinct++] = hashes[i];
        return distinct == hashes.Length ? hashes : hashes[..distinct];
    }
}
