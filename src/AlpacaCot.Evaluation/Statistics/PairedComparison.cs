using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Comparison of two systems on the same questions, with its uncertainty.</summary>
/// <param name="Questions">Number of questions scored for both.</param>
/// <param name="First">Mean of the first system.</param>
/// <param name="Second">Mean of the second system.</param>
/// <param name="Interval">Confidence interval of the difference, by paired bootstrap; see
/// <see cref="ScoreInterval"/>.</param>
/// <param name="PValue">p-value of the two-sided paired permutation test, without correction for multiple comparisons.</param>
/// <param name="EffectSize">Cohen's d of the paired differences; null if all are equal.</param>
/// <param name="Wins">Number of questions on which the second system scores higher.</param>
/// <param name="Losses">Number of questions on which it scores lower.</param>
public sealed record PairedComparison(int Questions, double First, double Second, ConfidenceInterval Interval, double PValue,
    double? EffectSize, int Wins, int Losses)
{
    /// <summary>Second mean minus first mean.</summary>
    public double Difference => Second - First;

    /// <summary>
    /// Whether the interval excludes zero and the test agrees; otherwise no difference is reported. The test matters if a few
    /// questions have equal differences, for which the bootstrap sees no variation.
    /// </summary>
    public bool IsSure => !Interval.Contains(0) && PValue < 1 - Interval.Level;

    /// <summary>Compares two systems over their common questions.</summary>
    /// <param name="first">Scores of the first system by question id; questions missing in either are ignored.</param>
    /// <param name="second">Scores of the second system by question id.</param>
    /// <param name="seed">Seed of the resampling.</param>
    /// <param name="level">Confidence level of the interval.</param>
    /// <exception cref="InputException">The systems have no question in common.</exception>
    public static PairedComparison Of(IReadOnlyDictionary<string, double> first, IReadOnlyDictionary<string, double> second,
        long seed = 42, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var shared = first.Keys.Where(second.ContainsKey).Order(StringComparer.Ordinal).ToList();
        if (shared.Count == 0) throw new InputException("the two systems have no scored question in common");
        var differences = shared.Select(id => second[id] - first[id]).ToArray();
        var random = new DeterministicRandom(seed).Fork("comparison");
        return new(shared.Count, shared.Average(id => first[id]), shared.Average(id => second[id]),
            ScoreInterval.OfDifference(differences, random, level), PermutationTest.PValue(differences, random),
            Statistics.EffectSize.Paired(differences), differences.Count(d => d > 0), differences.Count(d => d < 0));
    }
}
