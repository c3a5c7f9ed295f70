namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>
/// A text as the set of its shingles (Broder 1997): every row of so many neighbouring words, and of so many neighbouring
/// characters where a script has no spaces. A stretch shorter than a shingle is one by itself.
/// </summary>
internal static class Shingles
{
    /// <summary>The hashes of the shingles of a text, ascending, each once.</summary>
    /// <param name="text">The text.</param>
    /// <param name="words">Words in a shingle.</param>
    /// <param name="characters">Characters in a shingle of an unspaced script.</param>
    public static ulong[] Of(string text, int words, int characters)
    {
        var units = Scratch ??= [];
        TextUnits.Scan(text, units);
        var shingles = new ulong[units.Count];
        var count = 0;
        for (int start = 0, end; start < units.Count; start = end)
        {
            for (end = start + 1; end < units.Count && units[end].Unspaced == units[start].Unspaced; end++) { }
            var length = Math.Min(units[start].Unspaced ? characters : words, end - start);
            for (var i = start; i + length <= end; i++) shingles[count++] = Hash(units, i, length);
        }
        return SortedSet(shingles, count);
    }

    /// <summary>Shared shingles over all shingles of two sets: Jaccard's similarity.</summary>
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

    [ThreadStatic] private static List<TextUnit>? Scratch;

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
