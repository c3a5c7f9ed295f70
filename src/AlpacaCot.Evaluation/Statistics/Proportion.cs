namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Shares of right answers.</summary>
public static class Proportion
{
    /// <summary>
    /// The interval of a share by Wilson's score (1927): it has a width even where all answers are right or none is, which no
    /// bootstrap can give.
    /// </summary>
    /// <param name="right">Right answers.</param>
    /// <param name="count">All answers, at least one.</param>
    /// <param name="level">How often the interval is to hold the true share.</param>
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
