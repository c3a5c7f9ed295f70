namespace AlpacaCot.Training.Runs;

/// <summary>The progress of a run. With the weights and optimizer state it is sufficient to resume.</summary>
/// <param name="Step">The number of optimizer steps so far.</param>
/// <param name="BestValidationLoss">The lowest validation loss so far; null without validation.</param>
public sealed record TrainingProgress(int Step = 0, double? BestValidationLoss = null)
{
    /// <summary>The step of <see cref="BestValidationLoss"/>.</summary>
    public int BestStep { get; init; }

    /// <summary>The validation loss that early stopping compares with: the last one that was better by the minimum; null before
    /// the first validation.</summary>
    public double? StoppingLoss { get; init; }

    /// <summary>The number of validations since <see cref="StoppingLoss"/>, none of which was better by the minimum.</summary>
    public int WithoutImprovement { get; init; }

    /// <summary>How often micro-batches were halved because memory ran out.</summary>
    public int Halvings { get; init; }

    /// <summary>SHA-256 of the checkpoint's other files by name; null in checkpoints of earlier versions.</summary>
    public IReadOnlyDictionary<string, string>? Files { get; init; }
}
