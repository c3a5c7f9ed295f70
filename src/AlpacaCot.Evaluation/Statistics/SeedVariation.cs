namespace AlpacaCot.Evaluation.Statistics;

/// <summary>How much a result depends on the seed of training: one value a seed.</summary>
/// <param name="Seeds">How many.</param>
/// <param name="Mean">Their mean.</param>
/// <param name="Deviation">Their sample standard deviation; null for one seed.</param>
/// <param name="Interval">Of the mean over all seeds there could be, by Student's t; null for one seed.</param>
public sealed record SeedVariation(int Seeds, double Mean, double? Deviation, ConfidenceInterval? Interval)
{
    /// <summary>Describes values, one a seed; at least one.</summary>
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

    /// <summary>Each question's mean over the seeds that scored it, for a comparison over questions.</summary>
    public static IReadOnlyDictionary<string, double> MeanByQuestion(IEnumerable<IReadOnlyDictionary<string, double>> seeds) =>
        seeds.SelectMany(scores => scores).GroupBy(score => score.Key, score => score.Value)
            .ToDictionary(question => question.Key, question => question.Average());
}
