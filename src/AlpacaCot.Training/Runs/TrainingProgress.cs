namespace AlpacaCot.Training.Runs;

/// <summary>How far a run is; with weights and optimizer moments, all that resuming needs.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="BestValidationLoss">The lowest validation loss so far.</param>
public sealed record TrainingProgress(int Step = 0, double? BestValidationLoss = null);
