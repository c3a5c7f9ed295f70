namespace AlpacaCot.Text;

/// <summary>Finds what a person most likely meant to write.</summary>
public static class Spelling
{
    /// <summary>The candidate nearest to a word that was not found; null where none is near enough to be meant.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="candidates">What would have been right.</param>
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

    /// <summary>A sentence that offers the nearest candidate, or else all of them, to end a message with.</summary>
    /// <param name="word">What was written.</param>
    /// <param name="candidates">What would have been right.</param>
    public static string Suggestion(string word, IReadOnlyCollection<string> candidates) =>
        Nearest(word, candidates) is { } nearest
            ? $"Did you mean \"{nearest}\"?"
            : $"There are: {string.Join(", ", candidates)}.";

    /// <summary>
    /// The number of edits (a character inserted, removed or replaced, two neighbours exchanged) between two words: the
    /// Damerau-Levenshtein distance in its optimal string alignment form.
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
