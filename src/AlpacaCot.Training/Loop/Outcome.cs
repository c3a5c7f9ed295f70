using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using static System.FormattableString;

namespace AlpacaCot.Training.Loop;

/// <summary>Judges the end of a run: a run that ended without an error may have learned nothing.</summary>
internal static class Outcome
{
    private const int MostAveraged = 20; // logged losses at the beginning and the end
    private const double Rise = 0.5, RelativeRise = 0.25;

    /// <summary>Adds what a user must know about the outcome to a result.</summary>
    /// <param name="result">The result of the run.</param>
    /// <param name="rate">The learning rate of each step.</param>
    /// <param name="training">The logged training losses.</param>
    /// <param name="validation">The logged validation losses.</param>
    /// <param name="bestFolder">The folder with the weights of the lowest validation loss.</param>
    public static TrainingResult Of(TrainingResult result, LearningRate rate, IReadOnlyList<(int Step, double Loss)> training,
        IReadOnlyList<(int Step, double Loss)> validation, string bestFolder)
    {
        var remarks = new List<string>();
        var idle = !result.Cancelled && result.Steps > 0 && Enumerable.Range(0, result.Steps).All(step => rate.At(step) == 0);
        if (idle)
            remarks.Add(Invariant($"nothing was trained: the learning rate was 0 in each of the {result.Steps} steps, because ")
                + Invariant($"a warmup of ")
                + Invariant($"{rate.WarmupSteps} steps begins at 0; lower training.warmup_steps, or train more steps"));
        var best = result.BestStep > 0 && Directory.Exists(bestFolder)
            ? Invariant($"; {bestFolder} has the weights of step {result.BestStep}, with the lowest validation loss ")
                + Invariant($"({result.BestValidationLoss:0.0000})") : "";
        var rose = Rose(training) ?? Rose(validation);
        if (rose is { } loss)
            remarks.Add(Invariant($"the training diverged: the loss rose from {loss.First:0.0000} to {loss.Last:0.0000}, so ")
                + Invariant($"the result is ")
                + Invariant($"worse than the model before; lower training.learning_rate (now {rate.Peak:0.##e+0}), lengthen ")
                + $"training.warmup_steps or lower training.max_grad_norm, and train again{best}");
        else if (result.ResultStep is null && !result.Cancelled && validation.Count > 0 && validation[^1].Step == result.Steps
            && best.Length > 0
            && result.BestStep < result.Steps && validation[^1].Loss > result.BestValidationLoss)
            remarks.Add(Invariant($"the result is that of step {result.Steps}, with validation loss {validation[^1].Loss:0.0000}")
                + best);
        if (result.StoppedEarly)
            remarks.Insert(0, Invariant($"training.early_stopping ended the run after step {result.Steps}")
                + (result.ResultStep is { } step
                    ? Invariant($"; the result has the weights of step {step}, with the lowest validation ")
                    + Invariant($"loss ({result.BestValidationLoss:0.0000})") : ""));
        return result with { Remarks = remarks, Failed = idle || rose is not null };
    }

    // Means of the first and last tenth of the losses, so that one noisy step decides nothing.
    private static (double First, double Last)? Rose(IReadOnlyList<(int Step, double Loss)> losses)
    {
        if (losses.Count < 2) return null;
        var some = Math.Clamp(losses.Count / 10, 1, MostAveraged);
        var (first, last) = (losses.Take(some).Average(l => l.Loss), losses.TakeLast(some).Average(l => l.Loss));
        return last > first + Math.Max(Rise, RelativeRise * first) ? (first, last) : null;
    }
}
