namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Effect sizes.</summary>
public static class EffectSize
{
    /// <summary>
    /// Mean difference divided by the standard deviation of the differences (Cohen's d of paired values, 1988): 0.2 is small, 0.5
    /// medium, 0.8 large. Null if all differences are equal.
    /// </summary>
    public static double? Paired(IReadOnlyList<double> differences)
    {
        ArgumentNullException.ThrowIfNull(differences);
        if (differences.Count < 2) return null;
        var mean = differences.Average();
        var deviation = Math.Sqrt(differences.Sum(d => (d - mean) * (d - mean)) / (differences.Count - 1));
        return deviation > 1e-12 ? mean / deviation : null;
    }

    /// <summary>Distance of two proportions on the arcsine scale (Cohen's h, 1988), interpreted like d.</summary>
    public static double OfShares(double first, double second) =>
        2 * Math.Asin(Math.Sqrt(second)) - 2 * Math.Asin(Math.Sqrt(first));
}
