namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Intervals of proportions.</summary>
public static class Proportion
{
    /// <summary>
    /// Wilson's score interval (1927): unlike a bootstrap interval, it has a width even if all answers are right or all are
    /// wrong.
    /// </summary>
    /// <param name="right">Number of right answers.</param>
    /// <param name="count">Number of answers, at least 1.</param>
    /// <param name="level">Confidence level.</param>
    public static ConfidenceInterval Interval(int right, int count, double level = 0.95)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var z = Distributions.NormalQuantile((1 + level) / 2);
        var (share, spread) = ((double)right / count, z * z / count);
        var middle = (share + spread / 2) / (1 + spread);
        var half = z / (1 + spread) * Math.Sqrt(share * (1 - share) / count + spread / (4 * count));
        return new(right == 0 ? 0 : middle - half, right == count ? 1 : middle + half, level);
    }
}
