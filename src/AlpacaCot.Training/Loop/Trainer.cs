using System.Diagnostics;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Batching;
using AlpacaCot.Training.Objectives;
using AlpacaCot.Training.Optimizers;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Loop;

/// <summary>The settings of the loop besides data, objective and optimizer.</summary>
/// <param name="MaxGradientNorm">The maximum norm of the gradients, which are scaled down to it; 0: no clipping.</param>
/// <param name="Seed">The seed of dropout.</param>
/// <param name="LoggingSteps">Steps between two lines of metrics.</param>
/// <param name="EvalSteps">Steps between two validations; one follows the last step too.</param>
/// <param name="SaveSteps">Steps between two checkpoints; one follows the last step too.</param>
public sealed record LoopSchedule(double MaxGradientNorm, int Seed, int LoggingSteps, int EvalSteps, int SaveSteps)
{
    /// <summary>Validations in a row without an improvement after which the run ends; null: never.</summary>
    public int? EarlyStopping { get; init; }

    /// <summary>The decrease of the validation loss that counts as an improvement for <see cref="EarlyStopping"/>.</summary>
    public double MinDelta { get; init; }
}

/// <summary>
/// The training loop: batches, loss, backward, step, log. The loss of a step is the mean over all its units of the objective
/// (for supervised tuning the supervised tokens), independent of the micro-batches.
/// </summary>
/// <param name="trained">The model and its adapter.</param>
/// <param name="objective">The loss.</param>
/// <param name="optimizer">Updates the adapter's parameters.</param>
/// <param name="learningRate">The learning rate of each step.</param>
/// <param name="sampler">The micro-batches of each step.</param>
/// <param name="schedule">Clipping, seed, and the intervals of logging, validation and checkpoints.</param>
public sealed class Trainer(TrainedModel trained, IObjective objective, Optimizer optimizer, LearningRate learningRate,
    IBatchSampler sampler, LoopSchedule schedule)
{
    private const int StepsPerTrim = 10;

    /// <summary>The validation batches; empty: no validation.</summary>
    public IReadOnlyList<MicroBatch> Validation { get; init; } = [];

    /// <summary>Receives remarks for the user.</summary>
    internal Action<string> Note { get; init; } = _ => { };

    /// <summary>Sees the gradients of each step; null: nobody does.</summary>
    internal IRunProbe? Probe { get; init; }

    // How often micro-batches are halved, because memory ran out.
    private int _halvings;

    /// <summary>Trains from <paramref name="progress"/> to the last step, or until cancelled.</summary>
    /// <exception cref="TrainingFailedException">The loss or gradient is invalid, or a step has no supervised unit.</exception>
    public TrainingResult Train(TrainingProgress progress, RunFolder run, ITrainingObserver observer, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        var speed = new SpeedMeter();
        StepReading? pending = null;
        trained.Adapter.Begin(sampler.TotalSteps);
        _halvings = progress.Halvings;
        if (progress.Step == 0) progress = Validate(progress, run, observer);
        while (progress.Step < sampler.TotalSteps && !HasStopped(progress) && !cancel.IsCancellationRequested)
        {
            pending?.Dispose();
            pending = Step(progress.Step, speed);
            progress = progress with { Step = progress.Step + 1, Halvings = _halvings };
            var last = progress.Step == sampler.TotalSteps;
            var logs = last || progress.Step % schedule.LoggingSteps == 0;
            // Weights are not saved or validated before the step's numbers are known to be finite.
            if (logs || progress.Step % schedule.EvalSteps == 0 || progress.Step % schedule.SaveSteps == 0
                || cancel.IsCancellationRequested) pending.Read();
            if (logs)
            {
                run.Log(pending.Read());
                observer.Step(pending.Read());
            }
            if (last || progress.Step % schedule.EvalSteps == 0) progress = Validate(progress, run, observer);
            var stopped = HasStopped(progress);
            if (stopped && !last && progress.Step % schedule.LoggingSteps != 0)
            {
                run.Log(pending.Read()); // the result has the metrics of its own step
                observer.Step(pending.Read());
            }
            if (last || stopped || progress.Step % schedule.SaveSteps == 0) Save(progress, run, observer);
            if (progress.Step % StepsPerTrim == 0) Platform.TrimMemory();
        }
        var cancelled = progress.Step < sampler.TotalSteps && !HasStopped(progress);
        // A finished run takes no further step.
        var loss = pending?.Read().Loss ?? run.Losses().Training.Select(l => l.Loss).LastOrDefault(double.NaN);
        pending?.Dispose();
        if (cancelled) Save(progress, run, observer);
        return new TrainingResult(progress.Step, loss, progress.BestValidationLoss, run.Folder, clock.Elapsed, cancelled)
        {
            StoppedEarly = HasStopped(progress), BestStep = progress.BestStep,
        };
    }

    private bool HasStopped(TrainingProgress progress) =>
        progress.Step > 0 && progress.WithoutImprovement >= (schedule.EarlyStopping ?? int.MaxValue);

    private StepReading Step(int step, SpeedMeter speed)
    {
        var (sums, tokens) = Gradients(step);
        var penalty = sums.Weight == 0 ? null : Penalty(sums.Weight);
        var (onDevice, scale, rate) = (!trained.Model.Compute.IsCpu, 1.0 / sums.Weight, learningRate.At(step));
        IReadOnlyList<NamedValue>? values = null;
        Tensor? norm = null;
        var length = 0.0;
        if (onDevice) // reading waits for the device: it is left to the steps that are logged
        {
            if (sums.Weight == 0) Values();
            Probe?.Gradients(step + 1, trained.Adapter);
            norm = ClipOnDevice(scale);
            using (no_grad()) trained.Adapter.Step(step, scale, () => optimizer.Step(rate, scale));
        }
        else
        {
            values = Values();
            length = optimizer.GradientNorm(scale);
            LossGuard.CheckGradient(step + 1, length);
            Probe?.Gradients(step + 1, trained.Adapter);
            var clip = schedule.MaxGradientNorm > 0 ? Math.Min(1, schedule.MaxGradientNorm / (length + 1e-6)) : 1;
            using (no_grad()) trained.Adapter.Step(step, scale * clip, () => optimizer.Step(rate, scale * clip));
        }
        var (perSecond, left) = speed.Measure(tokens, sampler.TotalSteps - step - 1);
        return new StepReading(() =>
        {
            values ??= Values();
            if (norm is not null) LossGuard.CheckGradient(step + 1, length = norm.item<float>());
            return new(step + 1, sampler.TotalSteps, (step + 1.0) / sampler.StepsPerEpoch, values, rate, length,
                new NamedValue(objective.WeightName, sums.Weight), tokens, perSecond, left, Platform.ResidentBytes);
        }, sums, norm, penalty);

        IReadOnlyList<NamedValue> Values()
        {
            var means = sums.Means(penalty?.item<float>() ?? 0);
            LossGuard.Check(step + 1, means[0].Value, sums.Weight, objective);
            return means;
        }
    }

    // Clips the gradients by a factor that never leaves the device, and returns their norm.
    private Tensor ClipOnDevice(double scale)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var norm = optimizer.GradientNormOnDevice(scale);
        if (schedule.MaxGradientNorm > 0)
            optimizer.ScaleGradients(
                ((norm + Number(1e-6)).reciprocal() * Number(schedule.MaxGradientNorm)).clamp_max(Number(1)));
        return norm.DetachFromDisposeScope();
    }

    // Adds up the gradients of a step. Where memory runs out, the step begins again with micro-batches of half the size: the loss
    // is a sum, so the gradients are the same to rounding.
    private (LossSums Sums, int Tokens) Gradients(int step)
    {
        while (true)
            try
            {
                return Gradients(step, MicroBatches(step));
            }
            catch (Exception e) when (AllocationFailure.Is(e))
            {
                optimizer.Clear();
                Platform.TrimMemory();
                var largest = MicroBatches(step).Max(batch => batch.Rows) / objective.RowsPerExample;
                if (largest <= 1) throw new TrainingFailedException(
                    $"Step {step + 1}: memory ran out with a single example in a micro-batch. Set "
                        + "training.gradient_checkpointing: "
                    + "true, lower training.cutoff_length, or quantize the base model (quantization: nf4); "
                    + "`alpaca-cot plan` shows what each of them needs.");
                _halvings++;
                Note($"step {step + 1}: memory ran out with {largest} examples in a micro-batch; the step is repeated, and the "
                    + "run "
                    + $"continues, with {(largest + 1) / 2}");
            }
    }

    private (LossSums Sums, int Tokens) Gradients(int step, IReadOnlyList<MicroBatch> batches)
    {
        var (sums, tokens) = (new LossSums(objective), 0);
        foreach (var (micro, batch) in batches.Index())
        {
            if (objective.Weight(batch) == 0) continue;
            using var scope = NewDisposeScope();
            // Dropout's seed depends only on run seed, step and micro-batch, so resuming needs no generator state.
            manual_seed(HashCode(schedule.Seed, step, micro));
            var loss = objective.Loss(trained, batch);
            loss.Sum.backward();
            sums.Add(batch, loss);
            tokens += batch.Tokens;
        }
        return (sums, tokens);
    }

    private IReadOnlyList<MicroBatch> MicroBatches(int step)
    {
        var batches = sampler.Step(step);
        for (var i = 0; i < _halvings; i++) batches = [.. batches.SelectMany(batch => batch.Halves(objective.RowsPerExample))];
        return batches;
    }

    // The adapter method's own loss term. Gradients are those of the sum over units, so the term is added once for each.
    private Tensor? Penalty(int weight)
    {
        using var scope = NewDisposeScope();
        if (trained.Adapter.Penalty() is not { } penalty) return null;
        (penalty * Number(weight)).backward();
        return penalty.detach().DetachFromDisposeScope();
    }

    private TrainingProgress Validate(TrainingProgress progress, RunFolder run, ITrainingObserver observer)
    {
        if (Validation.Count == 0) return progress;
        using var sums = new LossSums(objective);
        var evaluated = trained with { Mode = PassMode.Evaluation };
        using var quiet = no_grad();
        foreach (var batch in Validation)
        {
            using var scope = NewDisposeScope();
            if (objective.Weight(batch) > 0) sums.Add(batch, objective.Loss(evaluated, batch));
        }
        var values = sums.Means(penalty: 0);
        var best = values[0].Value < (progress.BestValidationLoss ?? double.PositiveInfinity);
        var metrics = new ValidationMetrics(progress.Step, values, best);
        run.Log(metrics);
        observer.Validated(metrics);
        if (best && progress.Step > 0) run.SaveBest(trained.Adapter, metrics);
        if (best) progress = progress with { BestValidationLoss = metrics.Loss, BestStep = metrics.Step };
        return metrics.Loss < (progress.StoppingLoss ?? double.PositiveInfinity) - schedule.MinDelta
            ? progress with { StoppingLoss = metrics.Loss, WithoutImprovement = 0 }
            : progress with { WithoutImprovement = progress.WithoutImprovement + 1 };
    }

    private void Save(TrainingProgress progress, RunFolder run, ITrainingObserver observer) =>
        observer.Saved(run.SaveCheckpoint(progress, trained.Adapter, optimizer));

    private static long HashCode(int seed, int step, int micro) => ((long)seed * 1_000_003 + step) * 1_000_003 + micro;
}
