using AlpacaCot.Training.Objectives;

namespace AlpacaCot.Training.Runs;

/// <summary>
/// Receives the events of a training run, for a progress display, a log or a test. Called on the training thread between
/// optimizer steps, so an implementation returns quickly and must not throw.
/// </summary>
public interface ITrainingObserver
{
    /// <summary>Called before the first step, after data and model are loaded.</summary>
    void Started(RunSummary summary);

    /// <summary>Called after every optimizer step that is a multiple of <c>logging_steps</c>, and after the last.</summary>
    void Step(StepMetrics m);

    /// <summary>Called after a validation.</summary>
    void Validated(ValidationMetrics m);

    /// <summary>Called after a checkpoint is complete on disk, in the folder <paramref name="checkpoint"/>.</summary>
    void Saved(string checkpoint);

    /// <summary>Called at the end of the run, complete or cancelled.</summary>
    void Finished(TrainingResult r);

    /// <summary>Called with remarks for the user, such as dropped examples or a resumed step.</summary>
    void Note(string message);
}

/// <summary>The size of a run, reported before its first step.</summary>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="Examples">Training examples in an epoch.</param>
/// <param name="ValidationExamples">Examples of the validation loss; 0 without validation.</param>
/// <param name="Dropped">Examples dropped because no token of their answer is within the cutoff length.</param>
/// <param name="Truncated">Examples truncated to the cutoff length.</param>
/// <param name="TrainableParameters">The number of trained parameters.</param>
/// <param name="TotalParameters">The number of parameters of the model, adapter included.</param>
/// <param name="RunFolder">The folder of recipe, metrics and checkpoints.</param>
public sealed record RunSummary(int TotalSteps, int Examples, int ValidationExamples, int Dropped, int Truncated,
    long TrainableParameters, long TotalParameters, string RunFolder);

/// <summary>The measurements of one optimizer step: those of the loop, and the values of the objective.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="Epoch">Passes over the data so far; 1.5 is halfway through the second.</param>
/// <param name="Values">
/// Means over the step's units named by the objective; the first is <c>loss</c>, for supervised tuning the mean cross-entropy
/// in nats over the supervised tokens.
/// </param>
/// <param name="LearningRate">Learning rate used by the step.</param>
/// <param name="GradientNorm">Global L2 norm of the gradients before clipping.</param>
/// <param name="Weight">The number of units of the mean loss, with the objective's name for them.</param>
/// <param name="TotalTokens">Tokens of the step, prompts included, padding excluded.</param>
/// <param name="TokensPerSecond">Total tokens per second, averaged over recent steps.</param>
/// <param name="SecondsLeft">Estimated seconds to the end of the run.</param>
/// <param name="ResidentBytes">Resident memory of the process in bytes.</param>
public sealed record StepMetrics(int Step, int TotalSteps, double Epoch, IReadOnlyList<NamedValue> Values, double LearningRate,
    double GradientNorm, NamedValue Weight, int TotalTokens, double TokensPerSecond, double SecondsLeft, long ResidentBytes)
{
    /// <summary>The loss.</summary>
    public double Loss => Values[0].Value;

    /// <summary>The line of <c>metrics.jsonl</c>: all measurements except <see cref="SecondsLeft"/>, in order.</summary>
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

/// <summary>The result of one validation.</summary>
/// <param name="Step">The step after which it was computed; 0 before training.</param>
/// <param name="Values">Means over the examples' units, as in <see cref="StepMetrics.Values"/>.</param>
/// <param name="Best">Whether the loss is the lowest so far.</param>
public sealed record ValidationMetrics(int Step, IReadOnlyList<NamedValue> Values, bool Best)
{
    /// <summary>The validation loss.</summary>
    public double Loss => Values[0].Value;
}

/// <summary>The result of a run.</summary>
/// <param name="Steps">The number of optimizer steps.</param>
/// <param name="FinalLoss">Training loss of the last step.</param>
/// <param name="BestValidationLoss">The lowest validation loss; null without validation.</param>
/// <param name="OutputFolder">The folder with the trained adapter or model.</param>
/// <param name="Elapsed">Wall time of the run.</param>
/// <param name="Cancelled">Whether it was cancelled before its last step; it can be resumed.</param>
public sealed record TrainingResult(int Steps, double FinalLoss, double? BestValidationLoss, string OutputFolder,
    TimeSpan Elapsed, bool Cancelled)
{
    /// <summary>Whether early stopping ended the run before its last step.</summary>
    public bool StoppedEarly { get; init; }

    /// <summary>The step of <see cref="BestValidationLoss"/>.</summary>
    public int BestStep { get; init; }

    /// <summary>The step whose weights are in <see cref="OutputFolder"/> where it is not the last one; else null.</summary>
    public int? ResultStep { get; init; }

    /// <summary>Whether the run learned nothing, or the opposite: the loss rose, or no step had a learning rate above
    /// 0.</summary>
    public bool Failed { get; init; }

    /// <summary>Remarks on the outcome with what to do, such as a loss that rose; empty where there is nothing to say.</summary>
    public IReadOnlyList<string> Remarks { get; init; } = [];
}
