using System.Text.RegularExpressions;

namespace AlpacaCot.Studies.Report;

/// <summary>Marks the differences between two answers, by word, or by character for scripts without spaces.</summary>
internal static partial class AnswerDifference
{
    private const int MostTokens = 600; // longer answers are marked as a whole: the comparison is quadratic

    /// <summary>Segments of an answer, each with whether it is missing from the other answer.</summary>
    public static IReadOnlyList<(string Text, bool Differs)> Mark(string answer, string other)
    {
        var (own, others) = (Tokens(answer), Tokens(other));
        if (answer == other) return [(answer, false)];
        if (own.Length > MostTokens || others.Length > MostTokens) return [(answer, true)];
        var shared = Shared(own, others);
        var stretches = new List<(string Text, bool Differs)>();
        foreach (var (i, token) in own.Index())
        {
            var differs = !shared[i];
            // White space between two marked words is marked too.
            if (stretches.Count > 0 && (stretches[^1].Differs == differs
                || (string.IsNullOrWhiteSpace(token) && stretches[^1].Differs)))
                stretches[^1] = (stretches[^1].Text + token, stretches[^1].Differs);
            else stretches.Add((token, differs));
        }
        return stretches;
    }

    // Which tokens of a are in the longest common subsequence.
    private static bool[] Shared(string[] a, string[] b)
    {
        var length = new int[a.Length + 1, b.Length + 1];
        for (var i = a.Length - 1; i >= 0; i--)
            for (var j = b.Length - 1; j >= 0; j--)
                length[i, j] = a[i] == b[j] ? length[i + 1, j + 1] + 1 : Math.Max(length[i + 1, j], length[i, j + 1]);
        var shared = new bool[a.Length];
        for (var (i, j) = (0, 0); i < a.Length && j < b.Length;)
            if (a[i] == b[j]) (shared[i], i, j) = (true, i + 1, j + 1);
            else if (length[i + 1, j] >= length[i, j + 1]) i++;
            else j++;
        return shared;
    }

    private static string[] Tokens(string text) => [.. Token.Matches(text).Select(m => m.Value)];

    [GeneratedRegex(@"\s+|[\p{IsCJKUnifiedIdeographs}]|[\p{L}\p{N}]+?(?=[\p{IsCJKUnifiedIdeographs}]|[^\p{L}\p{N}]|$)|.",
        RegexOptions.Singleline)]
    private static partial Regex Token { get; }
}
