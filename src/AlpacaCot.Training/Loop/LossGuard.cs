using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Loop;

/// <summary>Training cannot continue; the message gives the cause and the remedy. The progress is in the last
/// checkpoint.</summary>
public sealed class TrainingFailedException(string message) : Exception(message);

/// <summary>Stops a run whose loss or gradient is invalid.</summary>
internal static class LossGuard
{
    public static void Check(int step, double loss, int weight, IObjective objective)
    {
        if (weight == 0) throw new TrainingFailedException($"Step {step}: {objective.EmptyStep}");
        if (!double.IsFinite(loss))
            throw new TrainingFailedException(
                $"Step {step}: the loss is {loss}. The weights have diverged: lower training.learning_rate, " +
                "lengthen training.warmup_steps or lower training.max_grad_norm, then train again from the last checkpoint or "
                    + "the start.");
        if (objective.Fault(loss, weight) is { } fault) throw new TrainingFailedException($"Step {step}: {fault}");
    }

    public static void CheckGradient(int step, double norm)
    {
        if (!double.IsFinite(norm))
            throw new TrainingFailedException(
                $"Step {step}: the gradient's norm is {norm}. Lower training.learning_rate or find an " +
                "example with extreme content using `alpaca-cot inspect`.");
        if (norm == 0)
            throw new TrainingFailedException(
                $"Step {step}: the gradient is exactly 0, so the step has no effect. The model's output " +
                "does not depend on the trained weights (overflow, or all-zero weights): check the base model with `alpaca-cot "
                    + "score`.");
    }
}
