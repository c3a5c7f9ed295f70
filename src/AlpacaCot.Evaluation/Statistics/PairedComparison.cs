using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Two systems on the same questions: the difference of the second from the first, and how sure it is.</summary>
/// <param name="Questions">Questions that both have a score for.</param>
/// <param name="First">The first system's mean over them.</param>
/// <param name="Second">The second system's mean over them.</param>
/// <param name="Interval">The confidence interval of the difference, by paired bootstrap.</param>
/// <param name="PValue">Of the two-sided paired permutation test; not corrected for other comparisons.</param>
/// <param name="EffectSize">Cohen's d of the paired differences; null where all are equal.</param>
/// <param name="Wins">Questions that the second system does better.</param>
/// <param name="Losses">Questions that it does worse.</param>
public sealed record PairedComparison(int Questions, double First, double Second, ConfidenceInterval Interval, double PValue,
    double? EffectSize, int Wins, int Losses)
{
    /// <summary>The second mean less the first.</summary>
    public double Difference => Second - First;

    /// <summary>
    /// Whether the interval leaves out zero and the test agrees: without this no statement about a difference is made. The test
    /// matters where a few questions all differ alike, of which the bootstrap knows no variation.
    /// </summary>
    public bool IsSure => !Interval.Contains(0) && PValue < 1 - Interval.Level;

    /// <summary>Compares two systems by the ids of their questions.</summary>
    /// <param name="first">Scores of the first system by question; a question that one of them lacks is left out.</param>
    /// <param name="second">Scores of the second system.</param>
    /// <param name="seed">The seed of the draws.</param>
    /// <param name="level">Of the interval.</param>
    /// <exception cref="InputException">They have no question in common.</exception>
    public static PairedComparison Of(IReadOnlyDictionary<string, double> first, IReadOnlyDictionary<string, double> second,
        long seed = 42, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var shared = first.Keys.Where(second.ContainsKey).Order(StringComparer.Ordinal).ToList();
        if (shared.Count == 0) throw new InputException("the two systems have no scored question in common: nothing to compare");
        var differences = shared.Select(id => second[id] - first[id]).ToArray();
        var random = new DeterministicRandom(seed).Fork("comparison");
        return new(shared.Count, shared.Average(id => first[id]), shared.Average(id => second[id]),
            Bootstrap.OfMean(differences, random, level), PermutationTest.PValue(differences, random),
            Statistics.EffectSize.Paired(differences), differences.Count(d => d > 0), differences.Count(d => d < 0));
    }
}
