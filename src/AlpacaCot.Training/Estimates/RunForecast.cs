using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Training.Recipes;

namespace AlpacaCot.Training.Estimates;

/// <summary>A change of a recipe and the peak memory that it leads to.</summary>
/// <param name="Settings">The settings, as for <c>--set</c>.</param>
/// <param name="PeakBytes">The predicted peak of resident memory.</param>
public sealed record MemoryRemedy(string Settings, long PeakBytes);

/// <summary>The prediction of a run on this machine.</summary>
/// <param name="PeakBytes">The peak of resident memory.</param>
/// <param name="Seconds">The time of the whole run; null without a calibration.</param>
/// <param name="StepSeconds">The time of an optimizer step; null without a calibration.</param>
/// <param name="TokensPerStep">The tokens of a step, without padding.</param>
/// <param name="Arithmetic">The arithmetic of products with frozen matrices.</param>
public sealed record RunForecast(long PeakBytes, double? Seconds, double? StepSeconds, double TokensPerStep,
    Arithmetic Arithmetic)
{
    /// <summary>Rows of the products by which <c>compute: auto</c> is decided: a few examples of usual length.</summary>
    public const int UsualRows = 512;

    // Fixed costs in seconds and rates in bytes a second, measured by bench -- plan: the program's start, opening and checking
    // the weights, converting each to another form, writing a checkpoint, an update of the trained weights.
    private const double Start = 2.5, ReadRate = 1.5e9, Converted = 7e-9, WriteRate = 2e8, UpdateBytes = 40;
    private const int Sampled = 64; // micro-batches

    /// <summary>Predicts a run whose data is known.</summary>
    /// <param name="estimate">The estimate of its recipe.</param>
    /// <param name="load">Its micro-batches.</param>
    /// <param name="microBatchSize">The examples of a micro-batch.</param>
    /// <param name="machine">The speed of the machine; null: no times.</param>
    public static RunForecast Of(ResourceEstimate estimate, RunLoad load, int microBatchSize, MachineCalibration? machine)
    {
        var loads = load.MicroBatches(microBatchSize).ToList();
        var peak = loads.Max(estimate.PeakAt);
        var batches = (double)loads.Count / Math.Min(load.Steps, RunLoad.MostSteps);
        var tokens = loads.Average(l => l.Tokens) * batches;
        if (machine is null || estimate.Work is not { } work) return new(peak, null, null, tokens, Arithmetic.Float32);
        var arithmetic = estimate.ArithmeticOn(machine);
        var some = loads.Where((_, i) => i % Math.Max(1, loads.Count / Sampled) == 0).ToList();
        var step = batches * some.Average(l => work.Time(l, machine, arithmetic).Seconds)
            + UpdateBytes * estimate.TrainableParameters / machine.CopyRate;
        var validation = load.Validation().Sum(l => work.Time(l, machine, arithmetic, backward: false).Seconds);
        var converted = estimate.Converts(arithmetic) ? estimate.BaseParameters * Converted : 0;
        var trained = 4.0 * estimate.TrainableParameters;
        var written = load.Checkpoints * (trained + estimate.Memory.Optimizer) + trained;
        return new(peak, Start + estimate.Memory.Weights / ReadRate + converted + load.Steps * step
            + load.Validations * validation
            + written / WriteRate, step, tokens, arithmetic);
    }

    /// <summary>The peak of a run.</summary>
    /// <param name="estimate">The estimate of its recipe.</param>
    /// <param name="load">Its micro-batches; null: every example has the cutoff's length.</param>
    /// <param name="microBatchSize">The examples of a micro-batch.</param>
    /// <param name="cutoff">The cutoff.</param>
    public static long Peak(ResourceEstimate estimate, RunLoad? load, int microBatchSize, int cutoff) =>
        load is null ? estimate.PeakAt(MicroBatchLoad.Full(microBatchSize, cutoff))
            : load.MicroBatches(microBatchSize, cutoff).Max(estimate.PeakAt);

    /// <summary>The largest micro-batch that divides a batch evenly and fits into memory; 1 if none does.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="estimate">Its estimate.</param>
    /// <param name="load">Its micro-batches; null: every example has the cutoff's length.</param>
    /// <param name="memory">The memory in bytes.</param>
    public static int LargestMicroBatch(Recipe recipe, ResourceEstimate estimate, RunLoad? load, long memory)
    {
        var batch = recipe.Training.BatchSize;
        int[] sizes = [.. Enumerable.Range(1, batch).Select(parts => (batch + parts - 1) / parts).Distinct()]; // falling
        var (first, end) = (0, sizes.Length - 1);
        while (first < end)
        {
            var middle = (first + end) / 2;
            if (Peak(estimate, load, sizes[middle], recipe.Training.CutoffLength) <= memory) end = middle;
            else first = middle + 1;
        }
        return sizes[first];
    }

    /// <summary>What makes a run smaller, each change with its peak, until one fits.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="description">Its model.</param>
    /// <param name="load">Its micro-batches; null: every example has the cutoff's length.</param>
    /// <param name="memory">The memory in bytes.</param>
    public static IReadOnlyList<MemoryRemedy> Remedies(Recipe recipe, ModelDescription description, RunLoad? load, long memory)
    {
        var options = recipe.Training;
        List<MemoryRemedy> found = [];
        var micro = LargestMicroBatch(recipe, ResourceEstimate.Of(recipe, description), load, memory);
        if (micro < options.MicroBatchSize)
            Try($"training.micro_batch_size={micro}", recipe with { Training = options with { MicroBatchSize = micro } });
        var least = recipe with { Training = options with { MicroBatchSize = 1 } };
        if (!options.GradientCheckpointing)
        {
            Try("training.gradient_checkpointing=true", recipe with { Training = options with { GradientCheckpointing = true } });
            least = least with { Training = least.Training with { GradientCheckpointing = true } };
        }
        var smaller = recipe.TrainsAllParameters ? recipe with { Adapter = AdapterRecipe.Of("lora"), SaveDtype = null } : recipe;
        var words = recipe.TrainsAllParameters ? "adapter=lora" : "";
        if (recipe.TrainsAllParameters) Try(words, smaller);
        else if (recipe.Quantization is not (QuantizationType.Nf4 or QuantizationType.Fp4)
            && !description.Config.TryGetProperty("quantization_config", out _))
        {
            words = "quantization=nf4";
            smaller = recipe with { Quantization = QuantizationType.Nf4 };
            Try(words, smaller);
        }
        if (options.CutoffLength >= 256)
            Try($"training.cutoff_length={options.CutoffLength / 2}",
                recipe with { Training = options with { CutoffLength = options.CutoffLength / 2 } });
        if (!found.Any(remedy => remedy.PeakBytes <= memory))
            Try($"{words} training.micro_batch_size=1 training.gradient_checkpointing=true".Trim(),
                smaller with { Training = least.Training });
        return found;

        void Try(string settings, Recipe changed)
        {
            try
            {
                found.Add(new(settings, Peak(ResourceEstimate.Of(changed, description), load, changed.Training.MicroBatchSize,
                    changed.Training.CutoffLength)));
            }
            catch (Text.InputException)
            {
                // The change does not fit the recipe, such as a method that needs plain weights.
            }
        }
    }
}
