using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Statistics;

/// <summary>
/// Confidence intervals of mean scores and of mean differences, for evaluations and studies alike. Values that are all equal show
/// no variation, which does not mean that there is none: with n of them, a share of up to <c>1 - (α/2)^(1/n)</c> of all questions
/// may have any other value (Clopper and Pearson, 1934; three in n, as a rule of thumb).
/// </summary>
public static class ScoreInterval
{
    private const int FewestTelling = 5; // differences other than 0 that resampling needs

    /// <summary>
    /// Interval of the mean of scores from 0 to 1: Wilson's where each is 0 or 1, else a bootstrap over the questions; null
    /// without scores.
    /// </summary>
    /// <param name="scores">One score per question.</param>
    /// <param name="seed">Seed of the resampling.</param>
    /// <param name="level">Confidence level.</param>
    public static ConfidenceInterval? OfMean(double[] scores, long seed = 42, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(scores);
        if (scores.Length == 0) return null;
        if (Array.TrueForAll(scores, v => v is 0 or 1)) return Proportion.Interval((int)scores.Sum(), scores.Length, level);
        return Array.TrueForAll(scores, v => v == scores[0]) ? Unseen(scores[0], scores.Length, 0, level)
            : Bootstrap.OfMean(scores, new DeterministicRandom(seed), level);
    }

    /// <summary>
    /// Interval of the mean of differences from -1 to 1 between two systems on the same questions: a bootstrap over the
    /// questions; with fewer than five differences other than 0, or equal differences, extended by what so few cannot exclude.
    /// </summary>
    /// <param name="differences">One difference per question, at least one.</param>
    /// <param name="random">Random generator; a fork of it is used.</param>
    /// <param name="level">Confidence level.</param>
    public static ConfidenceInterval OfDifference(double[] differences, DeterministicRandom random, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(differences);
        var unseen = Unseen(differences.Average(), differences.Length, -1, level);
        if (differences.Length < 2 || Array.TrueForAll(differences, d => d == differences[0])) return unseen;
        var resampled = Bootstrap.OfMean(differences, random, level);
        return differences.Count(d => d != 0) >= FewestTelling ? resampled
            : new(Math.Min(resampled.Low, unseen.Low), Math.Max(resampled.High, unseen.High), level);
    }

    private static ConfidenceInterval Unseen(double mean, int count, double least, double level)
    {
        var share = 1 - Math.Pow((1 - level) / 2, 1.0 / count);
        return new((1 - share) * mean + share * least, (1 - share) * mean + share, level);
    }
}
