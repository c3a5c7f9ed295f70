namespace AlpacaCot.Evaluation.Metrics;

/// <summary>
/// chrF2 (Popovic, 2015) as in sacrebleu: character n-grams up to 6 without white space, recall weighted twice as much as
/// precision. It needs no word segmentation and therefore suits Chinese.
/// </summary>
public static class ChrF
{
    private const int Orders = 6;
    private const double Beta2 = 4;

    /// <summary>chrF2 of one answer, from 0 to 100; the maximum over the references.</summary>
    public static double Sentence(string answer, params IReadOnlyList<string> references) =>
        references.Select(r => Score(answer, r)).DefaultIfEmpty(0).Max();

    private static double Score(string answer, string reference)
    {
        var (a, r) = (Characters(answer), Characters(reference));
        var (precision, recall, orders) = (0.0, 0.0, 0);
        for (var n = 1; n <= Math.Min(Orders, Math.Min(a.Count, r.Count)); n++, orders++)
        {
            var (grams, right) = (NgramCounts.Of(a, n), NgramCounts.Of(r, n));
            var shared = grams.Sum(g => Math.Min(g.Value, right.GetValueOrDefault(g.Key)));
            precision += (double)shared / (a.Count - n + 1);
            recall += (double)shared / (r.Count - n + 1);
        }
        if (orders == 0 || precision + recall == 0) return 0;
        (precision, recall) = (precision / orders, recall / orders);
        return 100 * (1 + Beta2) * precision * recall / (Beta2 * precision + recall);
    }

    private static List<string> Characters(string text) =>
        [.. text.EnumerateRunes().Where(c => !System.Text.Rune.IsWhiteSpace(c)).Select(c => c.ToString())];
}
