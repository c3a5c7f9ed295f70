namespace AlpacaCot.Training.Runs;

/// <summary>The progress of a run. With the weights and optimizer state it is sufficient to resume.</summary>
/// <param name="Step">The number of optimizer steps so far.</param>
/// <param name="BestValidationLoss">The lowest validation loss so far; null without validation.</param>
public sealed record TrainingProgress(int Step = 0, double? BestValidationLoss = null);
