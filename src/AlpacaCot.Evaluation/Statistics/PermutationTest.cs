using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Statistics;

/// <summary>
/// Paired permutation test of whether two systems differ on the same questions. Under the null hypothesis the two scores of a
/// question are exchangeable, so the signs of the differences are permuted (Fisher, 1935; for this field Noreen, 1989).
/// </summary>
public static class PermutationTest
{
    /// <summary>Default number of sign permutations.</summary>
    public const int Permutations = 10_000;

    /// <summary>
    /// The two-sided p-value of the mean difference. Permutations exactly as extreme as the observation count half (mid-p:
    /// Lancaster, 1961): with binary scores there are many, and the plain test would be too conservative.
    /// </summary>
    /// <param name="differences">One difference per question; zeros carry no information and are ignored.</param>
    /// <param name="random">Random generator; a fork of it is used.</param>
    /// <param name="permutations">Number of sign permutations.</param>
    public static double PValue(ReadOnlySpan<double> differences, DeterministicRandom random, int permutations = Permutations)
    {
        ArgumentNullException.ThrowIfNull(random);
        var telling = new List<double>();
        foreach (var d in differences)
            if (d != 0) telling.Add(d);
        if (telling.Count == 0) return 1;
        var sizes = telling.Select(Math.Abs).ToArray();
        var (seen, whole) = (Math.Abs(telling.Sum()), sizes.Sum());
        var tie = 1e-10 * whole;
        var draws = random.Fork("permutation");
        var (beyond, equal) = (0L, 0L);
        for (var p = 0; p < permutations; p++)
        {
            var positive = 0.0;
            for (var i = 0; i < sizes.Length; i += 64)
            {
                var signs = draws.NextUInt64();
                for (var j = i; j < Math.Min(i + 64, sizes.Length); j++, signs >>= 1) positive += sizes[j] * (signs & 1);
            }
            var drawn = Math.Abs(2 * positive - whole);
            if (drawn > seen + tie) beyond++;
            else if (drawn >= seen - tie) equal++;
        }
        return Math.Min(1, (beyond + 0.5 * equal + 0.5) / (permutations + 0.5)); // the observation is one of them
    }
}
