using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Settings;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>plan</c>: predicts memory, time and steps of a recipe on this machine.</summary>
internal sealed class PlanCommand(Terminal terminal)
{
    private readonly Argument<string> _recipe = new("RECIPE") { Description = "Recipe (YAML file)" };
    private readonly Option<string[]> _set = Options.Set();
    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _deviceMemory = new("--device-memory")
    {
        Description = "Plan for a GPU with so much memory, for example 24GB, whether this machine has one or not",
        HelpName = "SIZE",
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new PlanCommand(terminal);
        return new DocumentedCommand("plan", CommandGroup.Train,
            "Predict memory, time and steps of a recipe on this machine, without loading the model",
            "plan recipes/alpaca-lora.yaml",
            "plan recipes/alpaca-lora.yaml --set training.micro_batch_size=auto --set training.compute=auto",
            "plan recipes/alpaca-lora.yaml --set adapter.method=dora --set adapter.rank=16 --json",
            "plan recipes/alpaca-lora.yaml --device-memory 24GB --dtype bfloat16")
        {
            command._recipe, command._set, command._device.All, command._deviceMemory, command._json,
        }.Runs(command.Run);
    }

    /// <summary>What is known of a run before it starts.</summary>
    /// <param name="Model">Parameters, and memory where every example has the cutoff's length.</param>
    /// <param name="Steps">Optimizer steps.</param>
    /// <param name="Load">The micro-batches; null where the data cannot be read.</param>
    /// <param name="Forecast">Peak and time; null without data.</param>
    /// <param name="Peak">The peak in bytes; without data that of examples with the cutoff's length.</param>
    /// <param name="MicroBatchSize">The examples of a micro-batch.</param>
    /// <param name="LargestMicroBatch">The largest micro-batch that fits.</param>
    /// <param name="Memory">The memory that the run can have, in bytes.</param>
    /// <param name="Remedies">What makes the run fit; empty where it does.</param>
    private sealed record Plan(ResourceEstimate Model, int Steps, RunLoad? Load, RunForecast? Forecast, long Peak,
        int MicroBatchSize,
        int LargestMicroBatch, long Memory, IReadOnlyList<MemoryRemedy> Remedies)
    {
        public bool Fits => Peak <= Memory;
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var json = parsed.GetValue(_json);
        var recipe = RecipeFile.Load(parsed.GetValue(_recipe)!, [.. parsed.GetValue(_set)!, .. _device.Settings(parsed)]);
        var memory = parsed.GetValue(_deviceMemory) is { } size ? Bytes(size) : (long?)null;
        if (memory is not null)
            recipe = recipe with { Device = ResourceEstimate.IsOnGpu(recipe) ? recipe.Device : "cuda" };
        else
        {
            var compute = DeviceChoice.Of(recipe.Device, recipe.Dtype);
            if (!compute.IsCpu) (recipe, memory) =
                (recipe with { Device = DeviceChoice.Word(compute.Device) }, DeviceMemory.Usable(compute.Device));
        }
        var plan = memory is { } bytes ? OnGpu(recipe, bytes) : Of(recipe, () => CalibrationNote.Show(terminal, json));
        if (json) WriteJson(plan, recipe);
        else Show(plan, recipe);
        return ExitCode.Done;
    }

    private long Bytes(string size)
    {
        var number = size.ToUpperInvariant() is var upper && (upper.EndsWith("GB", StringComparison.Ordinal)
            || upper.EndsWith("GIB", StringComparison.Ordinal)) ? upper[..upper.IndexOf('G')].Trim() : "";
        return Configuration.Numbers.Real(number) is { } gigabytes and > 0 and < 1e6 ? (long)(gigabytes * (1L << 30))
            : throw new InputException(Options.Wrong(_deviceMemory.Name, size, "a size such as 24GB", null));
    }

    // Times are not predicted there: this project has measured no GPU.
    private static Plan OnGpu(Recipe recipe, long memory)
    {
        var description = ModelDescription.Of(recipe.Model);
        var model = ResourceEstimate.Of(recipe, description);
        RunLoad? load = null;
        try
        {
            load = RunLoad.Of(recipe);
        }
        catch (InputException)
        {
            // The memory is known without the data.
        }
        var largest = RunForecast.LargestMicroBatch(recipe, model, load, memory);
        var micro = recipe.Training.FitsMicroBatch ? largest : recipe.Training.MicroBatchSize;
        var forecast = load is null ? null : RunForecast.Of(model, load, micro, null);
        var peak = forecast?.PeakBytes ?? RunForecast.Peak(model, null, micro, recipe.Training.CutoffLength);
        return new(model, load?.Steps ?? recipe.Training.MaxSteps ?? 0, load, forecast, peak, micro, largest, memory,
            peak <= memory ? [] : RunForecast.Remedies(recipe, description, load, memory));
    }

    private static Plan Of(Recipe recipe, Action calibrating)
    {
        var options = recipe.Training;
        var description = ModelDescription.Of(recipe.Model);
        var model = ResourceEstimate.Of(recipe, description);
        RunLoad? load = null;
        try
        {
            load = RunLoad.Of(recipe);
        }
        catch (InputException) when (options.MaxSteps is not null)
        {
            // The number of steps is known without the data.
        }
        MachineCalibration? machine = null;
        if (load is not null)
        {
            Libtorch.EnsureLoaded();
            if (options.Threads is { } threads) TorchSharp.torch.set_num_threads(threads);
            machine = CalibrationStore.OfUser().Get(begins: calibrating);
        }
        var memory = Platform.UsableMemory;
        var largest = RunForecast.LargestMicroBatch(recipe, model, load, memory);
        var micro = options.FitsMicroBatch ? largest : options.MicroBatchSize;
        var forecast = load is null ? null : RunForecast.Of(model, load, micro, machine);
        var peak = forecast?.PeakBytes ?? RunForecast.Peak(model, null, micro, options.CutoffLength);
        return new(model, load?.Steps ?? options.MaxSteps!.Value, load, forecast, peak, micro, largest, memory,
            peak <= memory ? [] : RunForecast.Remedies(recipe, description, load, memory));
    }

    private void WriteJson(Plan plan, Recipe recipe) => terminal.WriteJson(w => w.Object(o =>
    {
        var model = plan.Model;
        o.WriteString("family", model.Family);
        o.WriteString("method", model.Method);
        o.Object("parameters", p =>
        {
            p.WriteNumber("base", model.BaseParameters);
            p.WriteNumber("trainable", model.TrainableParameters);
            p.WriteNumber("percent", Math.Round(model.Percent, 4));
        });
        o.Object("bytes", b => EstimateJson.WriteBytes(b, model.Memory));
        o.WriteNumber("memory_bytes", model.Memory.Process);
        o.WriteNumber("peak_bytes", plan.Peak);
        o.WriteNumber("usable_bytes", plan.Memory);
        if (ResourceEstimate.IsOnGpu(recipe)) o.WriteString("device", recipe.Device);
        o.WriteBoolean("fits", plan.Fits);
        o.WriteNumber("micro_batch_size", plan.MicroBatchSize);
        o.WriteNumber("largest_micro_batch_size", plan.LargestMicroBatch);
        o.WriteNumber("steps", plan.Steps);
        if (plan.Load is { } load) o.WriteNumber("examples", load.Examples);
        if (plan.Forecast is { Seconds: { } seconds, StepSeconds: { } step } forecast)
        {
            o.WriteString("compute", TrainingOptions.ArithmeticWords.Of(forecast.Arithmetic));
            o.WriteNumber("seconds", Math.Round(seconds, 1));
            o.WriteNumber("step_seconds", Math.Round(step, 3));
            o.WriteNumber("tokens_per_step", Math.Round(forecast.TokensPerStep, 1));
        }
        if (plan.Remedies.Count > 0)
            o.Array("remedies", plan.Remedies, remedy => o.Object(r =>
            {
                r.WriteString("set", remedy.Settings);
                r.WriteNumber("peak_bytes", remedy.PeakBytes);
                r.WriteBoolean("fits", remedy.PeakBytes <= plan.Memory);
            }));
        if (model.Notes.Count > 0) o.WriteString("note", string.Join(" ", model.Notes));
    }));

    private void Show(Plan plan, Recipe recipe)
    {
        var (model, cutoff) = (plan.Model, recipe.Training.CutoffLength);
        var (parts, gpu) = (model.Memory, ResourceEstimate.IsOnGpu(recipe));
        var free = gpu ? $"{recipe.Device} has {Gigabytes(plan.Memory)}" : $"{Gigabytes(plan.Memory)} are free";
        Line("model", $"{model.Family}, {model.BaseParameters:N0} parameters");
        Line("method", model.Method);
        Line("trainable", $"{model.TrainableParameters:N0} parameters, {model.Percent:0.####} %");
        var constant = parts.Process - parts.Activations;
        Line("memory", $"{Gigabytes(plan.Peak)} at the "
            + $"peak{(plan.Load is null ? $", where every example has {cutoff} tokens" : "")}: "
            + $"weights {Gigabytes(parts.Weights)}"
            + (parts.InFile > 0 ? $" ({Gigabytes(parts.InFile)} of them stay in the file)" : "")
            + $", adapter and gradients {Gigabytes(parts.Adapter)}, optimizer "
            + $"{Gigabytes(parts.Optimizer)}, buffers {Gigabytes(parts.Buffers)}, activations {Gigabytes(plan.Peak - constant)}, "
            + $"{(gpu ? "the GPU's context" : "program")} {Gigabytes(parts.Beside)}");
        if (plan.Load is not null && !recipe.Training.FitsMicroBatch)
            Line("", $"{Gigabytes(parts.Process)} where every example has {cutoff} tokens");
        Line("fits", plan.Fits ? $"yes, {free}; micro-batches of up to {plan.LargestMicroBatch} fit"
            + (recipe.Training.FitsMicroBatch ? ", which the run takes" : $", the recipe has {plan.MicroBatchSize}")
            : $"no, {free}", plan.Fits ? "green" : "red");
        foreach (var remedy in plan.Remedies)
            Line("", $"--set {remedy.Settings.Replace(" ", " --set ", StringComparison.Ordinal)}: {Gigabytes(remedy.PeakBytes)}, "
                + (remedy.PeakBytes <= plan.Memory ? "fits" : "does not fit"));
        if (plan.Load is not null || plan.Steps > 0)
            Line("steps", plan.Load is { } load ? $"{plan.Steps:N0} over {load.Examples:N0} examples" : $"{plan.Steps:N0}");
        if (plan.Forecast is { Seconds: { } seconds, StepSeconds: { } step } forecast)
            Line("time", $"about {Duration(seconds)}: {step:0.00} s a step, {forecast.TokensPerStep / step:N0} tokens/s, "
                + "products in "
                + TrainingOptions.ArithmeticWords.Of(forecast.Arithmetic));
        if (gpu) Line("note", "counted, not measured: this project has not measured a GPU yet; times are not predicted there");
        foreach (var note in model.Notes) Line("note", note);

        void Line(string name, string text, string colour = "default") =>
            terminal.Console.MarkupLine($"  {name,-10} [{colour}]{Markup.Escape(text)}[/]");
    }

    private static string Duration(double seconds) => seconds < 90 ? $"{seconds:0} s" : seconds < 5400 ? $"{seconds / 60:0} min"
        : $"{seconds / 3600:0.0} hours";

    private static string Gigabytes(long bytes) =>
        bytes >= 1L << 30 ? $"{bytes / (double)(1L << 30):0.0} GB" : $"{bytes / (double)(1L << 20):0.0} MB";
}
