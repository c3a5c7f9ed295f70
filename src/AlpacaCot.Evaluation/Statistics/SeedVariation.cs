namespace AlpacaCot.Evaluation.Statistics;

/// <summary>Variation of a result over training seeds.</summary>
/// <param name="Seeds">Number of seeds.</param>
/// <param name="Mean">Mean over the seeds.</param>
/// <param name="Deviation">Sample standard deviation; null for one seed.</param>
/// <param name="Interval">Confidence interval of the mean over all possible seeds, by Student's t; null for one seed.</param>
public sealed record SeedVariation(int Seeds, double Mean, double? Deviation, ConfidenceInterval? Interval)
{
    /// <summary>Computes the variation of at least one value, one per seed.</summary>
    public static SeedVariation Of(IReadOnlyList<double> values, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfZero(values.Count, nameof(values));
        var mean = values.Average();
        if (values.Count == 1) return new(1, mean, null, null);
        var deviation = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Count - 1));
        var half = Distributions.StudentQuantile((1 + level) / 2, values.Count - 1) * deviation / Math.Sqrt(values.Count);
        return new(values.Count, mean, deviation, new(mean - half, mean + half, level));
    }

    /// <summary>Mean of each question over the seeds that scored it, for comparisons over questions.</summary>
    public static IReadOnlyDictionary<string, double> MeanByQuestion(IEnumerable<IReadOnlyDictionary<string, double>> seeds) =>
        seeds.SelectMany(scores => scores).GroupBy(score => score.Key, score => score.Value)
            .ToDictionary(question => question.Key, question => question.Average());
}
