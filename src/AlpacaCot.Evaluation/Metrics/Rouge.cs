namespace AlpacaCot.Evaluation.Metrics;

/// <summary>Precision and recall of an answer's overlap with a reference.</summary>
/// <param name="Precision">Share of the answer's units found in the reference.</param>
/// <param name="Recall">Share of the reference's units found in the answer.</param>
public readonly record struct RougeScore(double Precision, double Recall)
{
    /// <summary>F1: the harmonic mean of precision and recall.</summary>
    public double F => Precision + Recall > 0 ? 2 * Precision * Recall / (Precision + Recall) : 0;

    internal static RougeScore Of(int shared, int answer, int reference) =>
        new(answer > 0 ? (double)shared / answer : 0, reference > 0 ? (double)shared / reference : 0);
}

/// <summary>
/// ROUGE (Lin, 2004) as in rouge_score: n-gram overlap and longest common subsequence over the tokens of
/// <see cref="MetricTokens.Rouge"/>.
/// </summary>
public static class Rouge
{
    /// <summary>N-gram overlap with clipped counts (ROUGE-N).</summary>
    public static RougeScore Ngrams(int n, string answer, string reference, bool stems = false)
    {
        var (a, r) = (Count(MetricTokens.Rouge(answer, stems), n), Count(MetricTokens.Rouge(reference, stems), n));
        var shared = a.Sum(gram => Math.Min(gram.Value, r.GetValueOrDefault(gram.Key)));
        return RougeScore.Of(shared, a.Values.Sum(), r.Values.Sum());
    }

    /// <summary>Longest common subsequence of the whole texts (ROUGE-L).</summary>
    public static RougeScore Longest(string answer, string reference, bool stems = false)
    {
        var (a, r) = (MetricTokens.Rouge(answer, stems), MetricTokens.Rouge(reference, stems));
        return RougeScore.Of(Lengths(r, a)[r.Count, a.Count], a.Count, r.Count);
    }

    /// <summary>
    /// ROUGE-Lsum: for each reference line the union of its longest common subsequences with all answer lines, with clipped token
    /// counts.
    /// </summary>
    public static RougeScore LongestByLine(string answer, string reference, bool stems = false)
    {
        var (a, r) = (Lines(answer, stems), Lines(reference, stems));
        var (answerLeft, referenceLeft) = (Count(a.SelectMany(l => l), 1), Count(r.SelectMany(l => l), 1));
        var (answerTokens, referenceTokens) = (answerLeft.Values.Sum(), referenceLeft.Values.Sum());
        var shared = 0;
        foreach (var line in r)
            foreach (var i in a.SelectMany(other => Common(line, other)).Distinct().Order())
            {
                var token = line[i];
                if (answerLeft.GetValueOrDefault(token) == 0 || referenceLeft.GetValueOrDefault(token) == 0) continue;
                shared++;
                answerLeft[token]--;
                referenceLeft[token]--;
            }
        return RougeScore.Of(shared, answerTokens, referenceTokens);
    }

    /// <summary>Maximum ROUGE-L F over the references; 0 without any.</summary>
    public static double BestLongest(string answer, IReadOnlyList<string> references) =>
        references.Select(r => Longest(answer, r).F).DefaultIfEmpty(0).Max();

    private static List<IReadOnlyList<string>> Lines(string text, bool stems) =>
        [.. text.Split('\n').Where(l => l.Length > 0).Select(l => MetricTokens.Rouge(l, stems))];

    private static Dictionary<string, int> Count(IEnumerable<string> tokens, int n)
    {
        var list = tokens as IReadOnlyList<string> ?? [.. tokens];
        var counts = new Dictionary<string, int>();
        for (var i = 0; i + n <= list.Count; i++)
        {
            var gram = n == 1 ? list[i] : string.Join(' ', list.Skip(i).Take(n));
            counts[gram] = counts.GetValueOrDefault(gram) + 1;
        }
        return counts;
    }

    /// <summary>Lengths of the longest common subsequences of all prefixes.</summary>
    private static int[,] Lengths(IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        var lengths = new int[first.Count + 1, second.Count + 1];
        for (var i = 1; i <= first.Count; i++)
            for (var j = 1; j <= second.Count; j++)
                lengths[i, j] = first[i - 1] == second[j - 1] ? lengths[i - 1, j - 1] + 1
                    : Math.Max(lengths[i - 1, j], lengths[i, j - 1]);
        return lengths;
    }

    /// <summary>
    /// Indices in the first list of a longest common subsequence; ties are broken like in the reference.
    /// </summary>
    private static IEnumerable<int> Common(IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        var lengths = Lengths(first, second);
        var (i, j) = (first.Count, second.Count);
        while (i > 0 && j > 0)
            if (first[i - 1] == second[j - 1])
            {
                yield return i - 1;
                (i, j) = (i - 1, j - 1);
            }
            else if (lengths[i, j - 1] > lengths[i - 1, j]) j--;
            else i--;
    }
}
