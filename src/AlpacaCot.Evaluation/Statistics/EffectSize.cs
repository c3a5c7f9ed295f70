namespace AlpacaCot.Evaluation.Statistics;

/// <summary>How large a difference is, beside whether it is one.</summary>
public static class EffectSize
{
    /// <summary>
    /// The mean difference in units of the deviation of the differences (Cohen's d of paired values, 1988): 0.2 is small, 0.5
    /// medium, 0.8 large. Null where all differences are equal.
    /// </summary>
    public static double? Paired(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (differences.Count < 2) return null;
        var mean = differences.Average();
        var deviation = Math.Sqrt(differences.Sum(d => (d - mean) * (d - mean)) / (differences.Count - 1));
        return deviation > 1e-12 ? mean / deviation : null;
    }

    /// <summary>The distance of two shares, from 0 to 1, on the arcsine scale (Cohen's h, 1988), read as d.</summary>
    public static double OfShares(double first, double second) =>
        2 * Math.Asin(Math.Sqrt(second)) - 2 * Math.Asin(Math.Sqrt(first));
}
