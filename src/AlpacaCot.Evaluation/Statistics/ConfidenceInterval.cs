namespace AlpacaCot.Evaluation.Statistics;

/// <summary>The values that are plausible for a quantity.</summary>
/// <param name="Low">The least one.</param>
/// <param name="High">The largest one.</param>
/// <param name="Level">How often such an interval holds the true value, as 0.95.</param>
public readonly record struct ConfidenceInterval(double Low, double High, double Level = 0.95)
{
    /// <summary>Whether a value lies in it, ends included.</summary>
    public bool Contains(double value) => Low <= value && value <= High;

    /// <summary>The interval in another unit, as 100 for percent.</summary>
    public ConfidenceInterval Times(double factor) => new(Low * factor, High * factor, Level);
}
