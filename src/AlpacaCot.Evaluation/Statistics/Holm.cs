namespace AlpacaCot.Evaluation.Statistics;

/// <summary>
/// Correction for many comparisons (Holm, 1979): the chance of even one false finding stays below the level, whatever depends on
/// what.
/// </summary>
public static class Holm
{
    /// <summary>The corrected p-values, in the order given.</summary>
    public static IReadOnlyList<double> Correct(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var corrected = new double[values.Count];
        var largest = 0.0;
        foreach (var (rank, i) in Enumerable.Range(0, values.Count).OrderBy(i => values[i]).Index())
            corrected[i] = largest = Math.Max(largest, Math.Min(1, values[i] * (values.Count - rank)));
        return corrected;
    }
}
