using System.Diagnostics;
using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Runs;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Loop;

/// <summary>How often things beside the steps happen.</summary>
/// <param name="MaxGradientNorm">Gradients are scaled down to this norm; 0: never.</param>
/// <param name="Seed">The seed of dropout.</param>
/// <param name="LoggingSteps">A line of metrics every so many steps.</param>
/// <param name="EvalSteps">A validation every so many steps, and after the last.</param>
/// <param name="SaveSteps">A checkpoint every so many steps, and after the last.</param>
public sealed record TrainerOptions(double MaxGradientNorm, int Seed, int LoggingSteps, int EvalSteps, int SaveSteps);

/// <summary>
/// The training loop: batches, loss, backward, step, log. The loss of a step is the mean over all its supervised tokens,
/// however they fall into micro-batches.
/// </summary>
public sealed class Trainer(
    CausalModel model, IAdapter adapter, Optimizer optimizer, LearningRate learningRate, IStepPlan plan,
    IReadOnlyList<MicroBatch> validation, TrainerOptions options, RunFolder run, ITrainingObserver observer)
{
    private const int StepsPerTrim = 10;

    /// <summary>Trains from <paramref name="progress"/> to the end, or until cancelled.</summary>
    /// <exception cref="TrainingFailedException">The loss is not a number, or nothing is learnt from.</exception>
    public TrainingResult Train(TrainingProgress progress, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var speed = new SpeedMeter();
        var loss = double.NaN;
        adapter.Begin(plan.TotalSteps);
        if (progress.Step == 0) progress = Validate(progress);
        while (progress.Step < plan.TotalSteps && !cancel.IsCancellationRequested)
        {
            var metrics = Step(progress.Step, speed);
            loss = metrics.Loss;
            progress = progress with { Step = metrics.Step };
            var last = progress.Step == plan.TotalSteps;
            if (last || progress.Step % options.LoggingSteps == 0)
            {
                run.Log(metrics);
                observer.Step(metrics);
            }
            if (last || progress.Step % options.EvalSteps == 0) progress = Validate(progress);
            if (last || progress.Step % options.SaveSteps == 0) Save(progress);
            if (progress.Step % StepsPerTrim == 0) Platform.TrimMemory();
        }
        var cancelled = progress.Step < plan.TotalSteps;
        if (cancelled) Save(progress);
        return new TrainingResult(progress.Step, loss, progress.BestValidationLoss, run.Folder, clock.Elapsed, cancelled);
    }

    private StepMetrics Step(int step, SpeedMeter speed)
    {
        var batches = plan.Step(step);
        var (sum, supervised, tokens) = (0.0, 0, 0);
        for (var micro = 0; micro < batches.Count; micro++)
        {
            if (batches[micro].Supervised == 0) continue;
            using var scope = NewDisposeScope();
            // Dropout's randomness is a function of the place in the run: resuming needs no generator state.
            manual_seed(HashCode(options.Seed, step, micro));
            var loss = batches[micro].NegativeLogLikelihood(model);
            loss.backward();
            sum += loss.item<float>();
            supervised += batches[micro].Supervised;
            tokens += batches[micro].Tokens;
        }
        var mean = supervised == 0 ? 0 : sum / supervised + Penalty(supervised);
        LossGuard.Check(step + 1, mean, supervised);

        var scale = 1.0 / supervised;
        var norm = optimizer.GradientNorm(scale);
        LossGuard.CheckGradient(step + 1, norm);
        var clip = options.MaxGradientNorm > 0 ? Math.Min(1, options.MaxGradientNorm / (norm + 1e-6)) : 1;
        var rate = learningRate.At(step);
        using (no_grad()) adapter.Step(step, scale * clip, () => optimizer.Step(rate, scale * clip));

        var (perSecond, left) = speed.Measure(tokens, plan.TotalSteps - step - 1);
        return new StepMetrics(step + 1, plan.TotalSteps, (step + 1.0) / plan.StepsPerEpoch, mean, rate, norm,
            supervised, tokens, perSecond, left, Platform.ResidentBytes);
    }

    // The method's own part of the loss. Gradients are those of the sum over tokens here, so it counts once for each.
    private double Penalty(int supervised)
    {
        using var scope = NewDisposeScope();
        if (adapter.Penalty() is not { } penalty) return 0;
        (penalty * Number(supervised)).backward();
        return penalty.item<float>();
    }

    private TrainingProgress Validate(TrainingProgress progress)
    {
        if (validation.Count == 0) return progress;
        var (sum, supervised) = (0.0, 0L);
        using var quiet = no_grad();
        foreach (var batch in validation)
        {
            using var scope = NewDisposeScope();
            if (batch.Supervised == 0) continue;
            sum += batch.NegativeLogLikelihood(model, PassMode.Evaluation).item<float>();
            supervised += batch.Supervised;
        }
        var loss = sum / supervised;
        var best = loss < (progress.BestValidationLoss ?? double.PositiveInfinity);
        var metrics = new ValidationMetrics(progress.Step, loss, best);
        run.Log(metrics);
        observer.Validated(metrics);
        if (best && progress.Step > 0) run.SaveBest(adapter);
        return best ? progress with { BestValidationLoss = loss } : progress;
    }

    private void Save(TrainingProgress progress) => observer.Saved(run.SaveCheckpoint(progress, adapter, optimizer));

    private static long HashCode(int seed, int step, int micro) => ((long)seed * 1_000_003 + step) * 1_000_003 + micro;
}
