namespace AlpacaCot.Evaluation.Statistics;

/// <summary>
/// Correction for multiple comparisons (Holm, 1979): controls the family-wise error rate under any
/// dependence.
/// </summary>
public static class Holm
{
    /// <summary>Corrected p-values, in the order of the input.</summary>
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
