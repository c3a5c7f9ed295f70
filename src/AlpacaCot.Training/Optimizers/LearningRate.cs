namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// The learning rate over a run: a linear rise over the warm-up, then constant, linear to zero or half a cosine to zero.
/// Step 0 of a warm-up has rate 0, as in Hugging Face's schedules.
/// </summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Schedule"><c>constant</c>, <c>linear</c> or <c>cosine</c>.</param>
/// <param name="WarmupSteps">Steps of the rise.</param>
/// <param name="TotalSteps">Steps of the run.</param>
public sealed record LearningRate(double Peak, string Schedule, int WarmupSteps, int TotalSteps)
{
    /// <summary>The rate used by optimizer step <paramref name="step"/>, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmupSteps) return Peak * step / WarmupSteps;
        var progress = Math.Min(1, (step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps));
        return Peak * Schedule switch
        {
            "constant" => 1,
            "linear" => 1 - progress,
            "cosine" => 0.5 * (1 + Math.Cos(Math.PI * progress)),
            _ => throw new ArgumentException($"unknown schedule {Schedule}"),
        };
    }
}
