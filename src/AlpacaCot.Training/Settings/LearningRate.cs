namespace AlpacaCot.Training.Settings;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum LearningRateSchedule
{
    /// <summary>Linearly to zero.</summary>
    Linear,

    /// <summary>Along half a cosine to zero.</summary>
    Cosine,

    /// <summary>Not at all.</summary>
    Constant,
}

/// <summary>
/// The learning rate over a run: a linear rise over the warm-up, then constant, linear to zero or half a cosine to zero.
/// Step 0 of a warm-up has rate 0, as in Hugging Face's schedules.
/// </summary>
/// <param name="Peak">The highest rate.</param>
/// <param name="Schedule">The rate after the rise.</param>
/// <param name="WarmupSteps">Steps of the rise.</param>
/// <param name="TotalSteps">Steps of the run.</param>
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
