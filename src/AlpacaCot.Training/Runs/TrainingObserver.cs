using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// Watches a training run: a progress display, a log, a test. Called on the training thread between optimizer steps, so an
/// implementation returns quickly and must not throw.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>The data is read and encoded, the model is ready; the first step follows.</summary>
    void Started(RunSummary summary);

    /// <summary>An optimizer step that falls on <c>logging_steps</c> is done.</summary>
    void Step(StepMetrics m);

    /// <summary>The validation loss was measured.</summary>
    void Validated(ValidationMetrics m);

    /// <summary>A checkpoint is complete on disk, in the folder <paramref name="checkpoint"/>.</summary>
    void Saved(string checkpoint);

    /// <summary>The run ended, by itself or because it was asked to stop.</summary>
    void Finished(TrainingResult r);

    /// <summary>Something a person should know that is not a measurement, such as dropped examples or a resumed step.</summary>
    void Note(string message);
}

/// <summary>The size of a run, told before its first step.</summary>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="Examples">Training examples an epoch.</param>
/// <param name="ValidationExamples">Examples held out to measure the validation loss; 0 without validation.</param>
/// <param name="Dropped">Examples left out because nothing of their answer survived the cutoff length.</param>
/// <param name="Truncated">Examples whose end was cut at the cutoff length.</param>
/// <param name="TrainableParameters">Parameters that get gradients.</param>
/// <param name="TotalParameters">Parameters of the model, adapter included.</param>
/// <param name="RunFolder">The folder that receives the recipe, metrics and checkpoints.</param>
public sealed record RunSummary(int TotalSteps, int Examples, int ValidationExamples, int Dropped, int Truncated,
    long TrainableParameters, long TotalParameters, string RunFolder);

/// <summary>The measurements of one optimizer step: the facts of the loop, and the values of the objective.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="Epoch">Passes over the data so far; 1.5 is half way through the second.</param>
/// <param name="Values">
/// Means over the step's units as the objective names them; the first is <c>loss</c>, for supervised tuning the mean cross-entropy
/// in nats over the supervised tokens.
/// </param>
/// <param name="LearningRate">Learning rate used by the step.</param>
/// <param name="GradientNorm">Global L2 norm of the gradients before clipping.</param>
/// <param name="Weight">The number of units that the loss is a mean over, by the objective's name for them.</param>
/// <param name="TotalTokens">Tokens of the step, prompts included, padding not.</param>
/// <param name="TokensPerSecond">Total tokens a second, recent average.</param>
/// <param name="SecondsLeft">Estimated seconds to the end of the run.</param>
/// <param name="ResidentBytes">Resident memory of the process.</param>
public sealed record StepMetrics(int Step, int TotalSteps, double Epoch, IReadOnlyList<NamedValue> Values, double LearningRate,
    double GradientNorm, NamedValue Weight, int TotalTokens, double TokensPerSecond, double SecondsLeft, long ResidentBytes)
{
    /// <summary>The loss.</summary>
    public double Loss => Values[0].Value;

    /// <summary>The line of <c>metrics.jsonl</c>: every measurement but <see cref="SecondsLeft"/>, in order.</summary>
    public IEnumerable<NamedValue> Logged =>
    [
        new("step", Step), new("epoch", Epoch), .. Values, new("learning_rate", LearningRate),
        new("gradient_norm", GradientNorm), Weight, new("total_tokens", TotalTokens),
        new("tokens_per_second", Math.Round(TokensPerSecond, 1)), new("resident_mb", ResidentBytes >> 20),
    ];

    /// <summary>The curves for TensorBoard.</summary>
    public IEnumerable<NamedValue> Curves =>
    [
        .. Values, new("learning_rate", LearningRate), new("gradient_norm", GradientNorm),
        new("tokens_per_second", TokensPerSecond),
    ];
}

/// <summary>One measurement on the validation examples.</summary>
/// <param name="Step">The step after which it was measured; 0 before training.</param>
/// <param name="Values">Means over the examples' units, as those of <see cref="StepMetrics.Values"/>.</param>
/// <param name="Best">Whether the loss is the lowest so far.</param>
public sealed record ValidationMetrics(int Step, IReadOnlyList<NamedValue> Values, bool Best)
{
    /// <summary>The validation loss.</summary>
    public double Loss => Values[0].Value;
}

/// <summary>How a run ended.</summary>
/// <param name="Steps">Optimizer steps done.</param>
/// <param name="FinalLoss">Training loss of the last step.</param>
/// <param name="BestValidationLoss">The lowest validation loss; none without validation.</param>
/// <param name="OutputFolder">The folder with the trained adapter or model.</param>
/// <param name="Elapsed">Wall time of the run.</param>
/// <param name="Cancelled">Whether it was stopped before its end; it can be resumed.</param>
public sealed record TrainingResult(int Steps, double FinalLoss, double? BestValidationLoss, string OutputFolder,
    TimeSpan Elapsed, bool Cancelled);
