using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using AlpacaCot.Training.Settings;
using static System.FormattableString;

namespace AlpacaCot.Training;

/// <summary>Chooses what a recipe leaves to the machine, and refuses a run that the machine cannot hold.</summary>
internal static class MachineChoices
{
    private const long WorthMeasuring = 100_000_000;

    /// <summary>The choices of a run.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="data">Its data.</param>
    /// <param name="compute">Where it computes.</param>
    /// <param name="recorded">The choices of the run that is resumed; null for a new run.</param>
    /// <param name="ignoreMemory">Whether a run starts that does not fit.</param>
    /// <param name="note">Receives remarks for the user.</param>
    /// <param name="limit">The memory in bytes; null: what is free.</param>
    /// <exception cref="InputException">The run does not fit into memory; the message has the remedies with their
    /// numbers.</exception>
    public static RunChoices Of(Recipe recipe, PreparedData data, Compute compute, RunChoices? recorded, bool ignoreMemory,
        Action<string> note, long? limit = null)
    {
        var options = recipe.Training;
        var device = DeviceChoice.Word(compute.Device);
        if (recorded is not null && recorded.Device != device)
            note($"the run began on {recorded.Device} and continues on {device}: results differ by rounding from here on");
        var description = ModelDescription.Of(recipe.Model);
        if (compute.Device.type == TorchSharp.DeviceType.CUDA) recipe = recipe with { Device = device }; // of auto too
        var estimate = ResourceEstimate.Of(recipe, description);
        // A choice of library saves a small model less time than the measurement takes.
        var needed = compute.IsCpu && (options.Arithmetic is null
            || (Float32Products.HasOneDnn && estimate.BaseParameters >= WorthMeasuring));
        var machine = !needed || recorded is not null ? null
            : CalibrationStore.OfUser().Get(begins: () => note("measuring this machine, once"));
        var load = new RunLoad(data.Train, data.Validation, options);
        var memory = limit ?? DeviceMemory.Usable(compute.Device);

        var path = recorded?.Path ?? machine?.Path ?? Float32Path.Default;
        if (path == Float32Path.OneDnn && !Float32Products.HasOneDnn)
        {
            note("the run used oneDNN for fp32 products, which this machine does not allow: results differ by rounding from "
                + "here on");
            path = Float32Path.Default;
        }
        var arithmetic = options.Arithmetic ?? recorded?.Compute
            ?? (machine is null ? Arithmetic.Float32 : estimate.ArithmeticOn(machine));
        var micro = !options.FitsMicroBatch ? options.MicroBatchSize
            : recorded?.MicroBatchSize ?? RunForecast.LargestMicroBatch(recipe, estimate, load, memory);
        const string AsBefore = "as the run began";
        if (options.Arithmetic is null)
            note($"compute: {TrainingOptions.ArithmeticWords.Of(arithmetic)}, "
                + $"{(recorded is null ? "the fastest here" : AsBefore)}");
        if (options.FitsMicroBatch)
            note(Invariant($"micro_batch_size: {micro}, {(recorded is null ? "the largest that fits" : AsBefore)}"));
        if (!ignoreMemory) Require(recipe, description, estimate, load, micro, memory);
        return new(arithmetic, path, micro, device);
    }

    private static void Require(Recipe recipe, ModelDescription description, ResourceEstimate estimate, RunLoad load, int micro,
        long memory)
    {
        var peak = RunForecast.Peak(estimate, load, micro, recipe.Training.CutoffLength);
        if (peak <= memory) return;
        recipe = recipe with { Training = recipe.Training with { MicroBatchSize = micro } };
        var remedies = RunForecast.Remedies(recipe, description, load, memory).Select(remedy =>
            Invariant($"{remedy.Settings}: {remedy.PeakBytes / 1e9:0.0} GB{(remedy.PeakBytes <= memory ? ", fits" : "")}"));
        throw new InputException(Invariant($"The run needs about {peak / 1e9:0.0} GB of memory at its peak, and ")
            + (ResourceEstimate.IsOnGpu(recipe) ? Invariant($"{recipe.Device} has {memory / 1e9:0.0} GB")
                : Invariant($"{memory / 1e9:0.0} GB are free"))
            + $". With these settings it needs: {string.Join("; ", remedies)}. Close other programs, change the recipe, or "
            + "start it all the same with --ignore-memory.");
    }
}
