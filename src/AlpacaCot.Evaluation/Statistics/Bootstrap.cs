using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Statistics;

/// <summary>
/// Non-parametric confidence intervals of a mean over questions by resampling with replacement (Efron, 1979). The interval is
/// BCa (Efron, 1987: bias-corrected and accelerated), widened to compensate for the bootstrap's too narrow intervals with few
/// values: by the factor sqrt(n/(n-1)) and Student's quantile (Hesterberg, 2015).
/// </summary>
public static class Bootstrap
{
    /// <summary>Default number of resamples.</summary>
    public const int Resamples = 4000;

    /// <summary>Interval of the mean of scores, or of differences between two systems on the same questions.</summary>
    /// <param name="values">One value per question.</param>
    /// <param name="random">Random generator; a fork of it is used, so equal values give equal intervals.</param>
    /// <param name="level">Confidence level.</param>
    /// <param name="resamples">Number of resamples.</param>
    /// <returns>The interval; of zero width if all values are equal, from -∞ to ∞ for fewer than two values.</returns>
    public static ConfidenceInterval OfMean(ReadOnlySpan<double> values, DeterministicRandom random, double level = 0.95,
        int resamples = Resamples)
    {
        ArgumentNullException.ThrowIfNull(random);
        var n = values.Length;
        if (n < 2) return new(double.NegativeInfinity, double.PositiveInfinity, level);
        var (mean, squares, cubes) = Moments(values);
        if (squares <= 1e-24 * Math.Max(1, mean * mean) * n) return new(mean, mean, level);

        var means = Means(values, random.Fork("bootstrap"), resamples);
        var below = means.Count(m => m < mean - 1e-12) + 0.5 * means.Count(m => Math.Abs(m - mean) <= 1e-12);
        var bias = Distributions.NormalQuantile(Math.Clamp(below / resamples, 0.5 / resamples, 1 - 0.5 / resamples));
        var skew = cubes / (6 * Math.Pow(squares, 1.5));
        Array.Sort(means);

        // The normal quantile equivalent to Student's t with the unbiased deviation.
        var z = Distributions.StudentQuantile((1 + level) / 2, n - 1) * Math.Sqrt(n / (n - 1.0));
        double Limit(double from)
        {
            var corrected = bias + (bias + from) / (1 - skew * (bias + from));
            return Quantile(means, Distributions.NormalBelow(corrected));
        }
        return new(Limit(-z), Limit(z), level);
    }

    private static (double Mean, double Squares, double Cubes) Moments(ReadOnlySpan<double> values)
    {
        var (mean, squares, cubes) = (0.0, 0.0, 0.0);
        foreach (var value in values) mean += value / values.Length;
        foreach (var value in values)
        {
            var d = value - mean;
            squares += d * d;
            cubes += d * d * d;
        }
        return (mean, squares, cubes);
    }

    private static double[] Means(ReadOnlySpan<double> values, DeterministicRandom random, int resamples)
    {
        var means = new double[resamples];
        var n = (ulong)values.Length;
        for (var r = 0; r < resamples; r++)
        {
            var sum = 0.0;
            for (var i = 0; i < values.Length; i += 2) // two 32-bit indices per draw; the bias of 2^-32 is negligible
            {
                var bits = random.NextUInt64();
                sum += values[(int)(((bits & uint.MaxValue) * n) >> 32)];
                if (i + 1 < values.Length) sum += values[(int)(((bits >> 32) * n) >> 32)];
            }
            means[r] = sum / values.Length;
        }
        return means;
    }

    /// <summary>Quantile of sorted values, linearly interpolated.</summary>
    internal static double Quantile(double[] sorted, double share)
    {
        var at = Math.Clamp(share * (sorted.Length + 1) - 1, 0, sorted.Length - 1);
        var low = (int)at;
        return low + 1 < sorted.Length ? sorted[low] + (at - low) * (sorted[low + 1] - sorted[low]) : sorted[low];
    }
}
