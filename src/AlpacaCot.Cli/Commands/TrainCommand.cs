using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Studies.Figures;
using AlpacaCot.Text;
using AlpacaCot.Training;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Runs;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>train</c>: fine-tunes a model with a recipe.</summary>
internal sealed class TrainCommand(Terminal terminal)
{
    private readonly Argument<string> _recipe = new("RECIPE")
    {
        Description = "Recipe (YAML file)", Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _resume = new("--resume") { Description = "Continue the run in the output folder" };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace the run in the output folder" };
    private readonly Option<bool> _ignoreMemory = new("--ignore-memory")
    {
        Description = "Start a run although its predicted peak memory exceeds what is free",
    };

    private readonly Option<string[]> _set = Options.Set();
    private readonly DeviceOptions _device = new();
    private readonly Option<string> _out = Options.Out("Run folder; overrides output of the recipe", "DIR");
    private readonly Option<bool> _keys = Options.Keys("recipe"), _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new TrainCommand(terminal);
        return new DocumentedCommand("train", CommandGroup.Train, "Fine-tune a model with a recipe",
            "train recipes/alpaca-lora.yaml",
            "train recipes/alpaca-lora.yaml --set training.learning_rate=1e-4 --set training.max_steps=20 --out runs/try",
            "train recipes/alpaca-lora.yaml --resume",
            "train recipes/alpaca-lora.yaml --device cuda --dtype bfloat16",
            "train --keys")
        {
            command._recipe, command._resume, command._overwrite, command._ignoreMemory, command._set, command._device.All,
            command._out, command._keys, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(_keys)) return KeyList.Show(RecipeFile.Keys, parsed.GetValue(_json), terminal);
        var file = parsed.GetValue(_recipe)
            ?? throw new InputException("train needs a recipe, for example: alpaca-cot train my-recipe.yaml");
        var recipe = RecipeFile.Load(file, [.. parsed.GetValue(_set)!, .. _device.Settings(parsed)]);
        if (parsed.GetValue(_out) is { } folder) recipe = recipe with { Output = folder };
        return Train(recipe, file, parsed.GetValue(_resume), parsed.GetValue(_overwrite), parsed.GetValue(_ignoreMemory),
            parsed.GetValue(_json), terminal, cancel);
    }

    private static int Train(Recipe recipe, string file, bool resume, bool overwrite, bool ignoreMemory, bool json,
        Terminal terminal, CancellationToken cancel)
    {
        var display = new TrainingDisplay(terminal.Beside(json), live: terminal.IsLive(json));
        terminal.Stopping = () => display.Stopping($"a checkpoint is saved, and alpaca-cot train {file} --resume continues");
        var result = display.Follow(() => TrainingRun.Execute(recipe, display, resume, overwrite, cancel, ignoreMemory));
        if (result.Steps >= recipe.Training.LoggingSteps // a run that stopped earlier has no logged loss
            && LossCurveFigure.Write(Path.Combine(recipe.Output, "metrics.jsonl"), Path.Combine(recipe.Output, "loss"),
                Path.GetFileName(Path.GetFullPath(recipe.Output))) is { } remark)
            terminal.Beside(json).MarkupLine($"[yellow]note:[/] {Markup.Escape(remark)}");
        if (json)
            terminal.WriteJson(w => w.Object(o =>
            {
                o.WriteString("run", recipe.Output);
                o.WriteString("output", result.OutputFolder);
                o.WriteNumber("steps", result.Steps);
                if (double.IsFinite(result.FinalLoss)) o.WriteNumber("loss", result.FinalLoss);
                if (display.FirstValidationLoss is { } first) o.WriteNumber("first_validation_loss", first);
                if (result.BestValidationLoss is { } best) o.WriteNumber("best_validation_loss", best);
                o.WriteNumber("tokens_per_second", Math.Round(display.TokensPerSecond, 1));
                o.WriteNumber("seconds", Math.Round(result.Elapsed.TotalSeconds, 1));
                o.WriteBoolean("cancelled", result.Cancelled);
                if (result.StoppedEarly) o.WriteBoolean("stopped_early", true);
                if (result.ResultStep is { } step) o.WriteNumber("result_step", step);
                if (result.Failed) o.WriteBoolean("failed", true);
                if (result.Remarks.Count > 0) o.Strings("remarks", result.Remarks);
            }));
        else Show(recipe, file, result, terminal.Console);
        foreach (var said in result.Remarks)
            terminal.Beside(json).MarkupLine($"  [yellow]{(result.Failed ? "warning" : "note")}:[/] {Markup.Escape(said)}");
        return result.Cancelled ? ExitCode.Failed : ExitCode.Done;
    }

    private static void Show(Recipe recipe, string file, TrainingResult result, IAnsiConsole console)
    {
        var model = recipe.Model.Path;
        var next = result.Cancelled ? $"alpaca-cot train {file} --resume"
            : recipe.TrainsAllParameters ? $"alpaca-cot chat --model {result.OutputFolder}"
            : $"alpaca-cot chat --model {model} --adapter {result.OutputFolder}" +
                (recipe.QuantizationOptions is { } quantization ? $" --quantization {quantization.Name}" : "");
        console.WriteLine();
        console.MarkupLine($"  run folder  [bold]{Markup.Escape(recipe.Output)}[/]");
        console.MarkupLine($"  figure      {Markup.Escape(Path.Combine(recipe.Output, "loss.png"))}");
        if (!result.Cancelled) console.MarkupLine($"  result      {Markup.Escape(result.OutputFolder)}");
        console.WriteUnwrapped($"  next        {next}");
    }
}
