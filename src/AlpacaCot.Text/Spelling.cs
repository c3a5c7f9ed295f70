namespace AlpacaCot.Text;

/// <summary>Suggests corrections for misspelled names.</summary>
public static class Spelling
{
    /// <summary>The candidate with the smallest edit distance to a word; null where none is within a third of its
    /// length.</summary>
    /// <param name="word">The unknown word.</param>
    /// <param name="candidates">The valid words.</param>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        string? nearest = null;
        var least = Math.Max(1, word.Length / 3) + 1;
        foreach (var candidate in candidates)
        {
            if (Distance(word.ToLowerInvariant(), candidate.ToLowerInvariant()) is var distance && distance >= least) continue;
            (nearest, least) = (candidate, distance);
        }
        return nearest;
    }

    /// <summary>A sentence for the end of a message: the nearest candidate, or all candidates where none is near.</summary>
    /// <param name="word">The unknown word.</param>
    /// <param name="candidates">The valid words.</param>
    public static string Suggestion(string word, IReadOnlyCollection<string> candidates) =>
        Nearest(word, candidates) is { } nearest
            ? $"Did you mean \"{nearest}\"?"
            : $"Allowed are: {string.Join(", ", candidates)}.";

    /// <summary>
    /// The number of edits (a character inserted, removed or replaced, two adjacent ones swapped) between two words: the
    /// Damerau-Levenshtein distance in the optimal string alignment variant.
    /// </summary>
    public static int Distance(string a, string b)
    {
        var (before, previous, current) = (new int[b.Length + 1], new int[b.Length + 1], new int[b.Length + 1]);
        for (var j = 0; j <= b.Length; j++) current[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            (before, previous, current) = (previous, current, before);
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = a[i - 1] == b[j - 1];
                current[j] = Math.Min(previous[j - 1] + (same ? 0 : 1), Math.Min(previous[j], current[j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    current[j] = Math.Min(current[j], before[j - 2] + 1);
            }
        }
        return current[b.Length];
    }
}
