namespace AlpacaCot.Evaluation.Statistics;

/// <summary>A confidence interval.</summary>
/// <param name="Low">Lower bound.</param>
/// <param name="High">Upper bound.</param>
/// <param name="Level">Confidence level. Default: 0.95.</param>
public readonly record struct ConfidenceInterval(double Low, double High, double Level = 0.95)
{
    /// <summary>Whether the interval contains a value, bounds included.</summary>
    public bool Contains(double value) => Low <= value && value <= High;

    /// <summary>Scales the interval, for example by 100 to percent.</summary>
    public ConfidenceInterval Times(double factor) => new(Low * factor, High * factor, Level);
}
