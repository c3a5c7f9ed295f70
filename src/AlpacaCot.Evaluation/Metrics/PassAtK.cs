namespace AlpacaCot.Evaluation.Metrics;

/// <summary>pass@k (Chen et al., 2021): the probability that at least one of k programs passes its tests.</summary>
public static class PassAtK
{
    /// <summary>The unbiased estimate 1 - C(n-c, k) / C(n, k) from n samples of which c pass.</summary>
    /// <param name="programs">Number of samples, n.</param>
    /// <param name="passing">Number of passing samples, c.</param>
    /// <param name="k">From 1 to n.</param>
    public static double Estimate(int programs, int passing, int k)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(k, programs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(passing, programs);
        if (programs - passing < k) return 1;
        var none = 1.0;
        for (var i = programs - passing + 1; i <= programs; i++) none *= 1 - (double)k / i;
        return 1 - none;
    }
}
