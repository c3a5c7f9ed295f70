namespace AlpacaCot.Training.Settings;

/// <summary>The shape of the learning rate after the warmup.</summary>
public enum LearningRateSchedule
{
    /// <summary>Linear decay to zero.</summary>
    Linear,

    /// <summary>Half a cosine, decaying to zero.</summary>
    Cosine,

    /// <summary>No decay.</summary>
    Constant,
}

/// <summary>
/// The learning rate over a run: linear warmup, then constant, linear to zero or half a cosine to zero.
/// Step 0 of a warmup has rate 0, as in Hugging Face's schedules.
/// </summary>
/// <param name="Peak">The maximum learning rate.</param>
/// <param name="Schedule">The shape after the warmup.</param>
/// <param name="WarmupSteps">The number of warmup steps.</param>
/// <param name="TotalSteps">The number of steps of the run.</param>
public sealed record LearningRate(double Peak, LearningRateSchedule Schedule, int WarmupSteps, int TotalSteps)
{
    /// <summary>The rate used by optimizer step <paramref name="step"/>, counted from 0.</summary>
    public double At(int step)
    {
        if (step < WarmupSteps) return Peak * step / WarmupSteps;
        var progress = Math.Min(1, (step - WarmupSteps) / (double)Math.Max(1, TotalSteps - WarmupSteps));
        return Peak * Schedule switch
        {
            LearningRateSchedule.Constant => 1,
            LearningRateSchedule.Linear => 1 - progress,
            _ => 0.5 * (1 + Math.Cos(Math.PI * progress)),
        };
    }
}
