using AlpacaCot.Models.Adapters;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;

namespace AlpacaCot.Training.Verification;

/// <summary>One way to compute the steps of a recipe, compared with the plain one.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Meaning">What differs from plain.</param>
/// <param name="Loss">The largest relative difference of a step's loss.</param>
/// <param name="Gradient">The largest relative difference of a step's gradient, by its norm.</param>
/// <param name="Weights">The difference of the trained weights over the change that training made, by norms.</param>
/// <param name="Bounds">What rounding explains.</param>
/// <param name="Skipped">Why it was not run; null if it was.</param>
public sealed record VerifiedArm(string Name, string Meaning, double Loss, double Gradient, double Weights, RoundingBounds Bounds,
    string? Skipped = null)
{
    /// <summary>Whether no difference exceeds its bound.</summary>
    public bool Agrees => Skipped is not null || Loss <= Bounds.Loss && Gradient <= Bounds.Gradient && Weights <= Bounds.Weights;
}

/// <summary>
/// Runs the first steps of a recipe in every way that must give the same result, and compares. Dropout and NEFTune are off,
/// because their random numbers follow the layout of a batch; the learning rate is constant, so that weights change from the
/// first step on.
/// </summary>
public static class RecipeVerification
{
    private const int MostKept = 1 << 26; // gradients kept of all steps; beyond, only those of the first
    private const int FewestRecords = 1000;

    private sealed record Arm(string Name, string Meaning, Func<Recipe, Recipe> Change, Arithmetic Arithmetic)
    {
        public string? Skipped { get; init; }

        public bool Resumes { get; init; }
    }

    /// <summary>Runs and compares all ways.</summary>
    /// <param name="recipe">The recipe; nothing is written to its output.</param>
    /// <param name="steps">The number of optimizer steps.</param>
    /// <param name="begins">Called with the name of each way before it runs.</param>
    /// <param name="cancel">Stops after the current step.</param>
    /// <exception cref="InputException">The recipe cannot be run.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<VerifiedArm> Run(Recipe recipe, int steps, Action<string> begins, CancellationToken cancel) =>
        Run(recipe, steps, begins, (_, changed) => changed, cancel);

    /// <summary>As above; <paramref name="alter"/> changes the recipe of an arm by its name, for tests.</summary>
    internal static IReadOnlyList<VerifiedArm> Run(Recipe recipe, int steps, Action<string> begins, Func<string, Recipe,
        Recipe> alter,
        CancellationToken cancel)
    {
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-verify-").FullName;
        try
        {
            var plain = Plain(recipe, steps, Path.Combine(folder, "run"));
            var estimate = ResourceEstimate.Of(plain);
            begins("plain");
            var reference = Trace.Of(alter("plain", plain), resumes: false, null, cancel);
            List<VerifiedArm> results = [];
            foreach (var arm in Arms(estimate, steps))
            {
                if (arm.Skipped is null) begins(arm.Name);
                results.Add(Compare(arm, alter(arm.Name, arm.Change(plain)), reference, estimate, cancel));
            }
            return results;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static VerifiedArm Compare(Arm arm, Recipe recipe, Trace reference, ResourceEstimate estimate,
        CancellationToken cancel)
    {
        var bounds = arm.Resumes ? RoundingBounds.Exact
            : RoundingBounds.Of(estimate, arm.Arithmetic, recipe.Training.MaxSteps ?? 1);
        var skipped = arm.Skipped;
        if (skipped is null)
            try
            {
                var other = Trace.Of(recipe, arm.Resumes, reference, cancel);
                return new(arm.Name, arm.Meaning, other.LossDifference, other.GradientDifference, other.WeightDifference, bounds);
            }
            catch (InputException refused)
            {
                skipped = refused.Message;
            }
        return new(arm.Name, arm.Meaning, 0, 0, 0, bounds, skipped);
    }

    private static IEnumerable<Arm> Arms(ResourceEstimate estimate, int steps)
    {
        var frozen = estimate.Work is { Full: false };
        const string Trained = "every weight is trained, in fp32";
        yield return new("packed", "examples end to end, without padding",
            r => With(r, r.Training with { Packing = true }), Arithmetic.Float32)
        {
            Skipped = estimate.Family is "chatglm" or "glm" ? "the context of this family is bidirectional" : null,
        };
        yield return new("accumulated", "micro-batches of one example",
            r => With(r, r.Training with { MicroBatchSize = 1 }), Arithmetic.Float32);
        yield return new("checkpointed", "activations recomputed in the backward pass",
            r => With(r, r.Training with { GradientCheckpointing = true }), Arithmetic.Float32);
        yield return new("bf16", "products with frozen weights in bf16",
            r => With(r, r.Training with { Arithmetic = Arithmetic.BFloat16 }), Arithmetic.BFloat16)
        {
            Skipped = !frozen ? Trained : Processor.Units.Any(u => u is "bf16" or "AMX") ? null
                : "this processor has no bf16 units",
        };
        yield return new("int8", "products with frozen weights in int8",
            r => With(r, r.Training with { Arithmetic = Arithmetic.Int8 }),
                Arithmetic.Int8) { Skipped = frozen ? null : Trained };
        yield return new("resumed", "ended abruptly after the first step and continued",
            r => With(r, r.Training with { SaveSteps = 1 }), Arithmetic.Float32)
        {
            Resumes = true, Skipped = steps < 2 ? "one step has no middle; use --steps 2 or more" : null,
        };
    }

    private static Recipe With(Recipe recipe, TrainingOptions options) => recipe with { Training = options };

    private static Recipe Plain(Recipe recipe, int steps, string output)
    {
        var options = recipe.Training;
        var records = Math.Max(FewestRecords, steps * options.BatchSize);
        var whole = recipe.Mixture == new MixtureSpec() && recipe.Data.All(d => d.Share is null && d.Epochs is null);
        return recipe with
        {
            Output = output, Validation = [],
            Data = whole ? [.. recipe.Data.Select(d => d with { Limit = Math.Min(d.Limit ?? int.MaxValue, records) })]
                : recipe.Data,
            Adapter = recipe.Adapter.Config is { } config ? recipe.Adapter with { Config = WithoutDropout(config) }
                : recipe.Adapter,
            Training = options with
            {
                MaxSteps = steps, WarmupSteps = 0, WarmupRatio = null, Schedule = LearningRateSchedule.Constant, NeftuneAlpha = 0,
                ValidationSize = 0, EvalSteps = null, EarlyStopping = null, SaveSteps = steps, LoggingSteps = 1,
                    SaveTotalLimit = 3,
                Packing = false, GradientCheckpointing = false, Arithmetic = Arithmetic.Float32, FitsMicroBatch = false,
                MicroBatchSize = options.FitsMicroBatch ? Math.Min(8, options.BatchSize) : options.MicroBatchSize,
            },
        };
    }

    private static AdapterConfig WithoutDropout(AdapterConfig config) => config switch
    {
        LoraConfig lora => lora with { Dropout = 0 },
        VeraConfig vera => vera with { Dropout = 0 },
        BottleneckConfig bottleneck => bottleneck with { Dropout = 0 },
        PTuningV2Config tuning => tuning with { Dropout = false },
        _ => config,
    };

    /// <summary>What a run computed: losses, gradients and weights, or their differences from another run.</summary>
    private sealed class Trace(Trace? reference) : IRunProbe, ITrainingObserver
    {
        private sealed class AbruptEnd : Exception;

        private readonly List<double> _losses = [];
        private readonly Dictionary<int, float[]> _gradients = [];
        private float[] _start = [], _end = [];
        private bool _endsAbruptly;

        public double LossDifference { get; private set; }

        public double GradientDifference { get; private set; }

        public double WeightDifference { get; private set; }

        public static Trace Of(Recipe recipe, bool resumes, Trace? reference, CancellationToken cancel)
        {
            var trace = new Trace(reference) { _endsAbruptly = resumes };
            if (resumes)
                try
                {
                    TrainingRun.Execute(recipe, trace, resume: false, overwrite: true, false, trace, cancel);
                }
                catch (AbruptEnd)
                {
                    trace._endsAbruptly = false;
                }
            TrainingRun.Execute(recipe, trace, resumes, !resumes, false, trace, cancel);
            cancel.ThrowIfCancellationRequested();
            return trace;
        }

        public void Gradients(int step, IAdapter adapter)
        {
            if (reference is null && _start.Length == 0) _start = Joined(adapter, gradients: false);
            if (step > 1 && adapter.Parameters.Values.Sum(p => p.numel()) > MostKept) return;
            var gradients = Joined(adapter, gradients: true);
            if (reference is null) _gradients[step] = gradients;
            else if (reference._gradients[step] is var plain)
                GradientDifference = Math.Max(GradientDifference, Difference(gradients, plain, plain));
        }

        public void Finished(IAdapter adapter)
        {
            var weights = Joined(adapter, gradients: false);
            if (reference is null) _end = weights;
            else WeightDifference = Difference(weights, reference._end,
                [.. reference._end.Zip(reference._start, (a, b) => a - b)]);
        }

        public void Step(StepMetrics m)
        {
            if (reference is null) _losses.Add(m.Loss);
            else if (reference._losses[m.Step - 1] is var plain)
                LossDifference = Math.Max(LossDifference, Math.Abs(m.Loss - plain) / Math.Abs(plain));
        }

        public void Saved(string checkpoint)
        {
            if (_endsAbruptly) throw new AbruptEnd();
        }

        public void Started(RunSummary summary) { }

        public void Validated(ValidationMetrics m) { }

        public void Finished(TrainingResult r) { }

        public void Note(string message) { }

        private static float[] Joined(IAdapter adapter, bool gradients)
        {
            var joined = new float[adapter.Parameters.Values.Sum(p => p.numel())];
            var at = 0;
            foreach (var (_, weight) in adapter.Parameters.OrderBy(p => p.Key, StringComparer.Ordinal))
            {
                using var numbers = gradients ? weight.grad : weight.alias();
                var count = (int)weight.numel();
                if (numbers is not null)
                {
                    using var flat = numbers.detach().cpu().contiguous();
                    flat.data<float>().CopyTo(joined.AsSpan(at, count));
                }
                at += count;
            }
            return joined;
        }

        // ‖a - b‖ / ‖of‖
        private static double Difference(float[] a, float[] b, float[] of)
        {
            var (difference, size) = (0.0, 0.0);
            for (var i = 0; i < a.Length; i++)
            {
                difference += Math.Pow((double)a[i] - b[i], 2);
                size += Math.Pow(of[i], 2);
            }
            return difference == 0 ? 0 : Math.Sqrt(difference / size);
        }
    }
}
