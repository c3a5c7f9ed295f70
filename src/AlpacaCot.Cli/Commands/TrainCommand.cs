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

/// <summary><c>train</c>: runs a recipe.</summary>
internal static class TrainCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var path = new Argument<string>("RECIPE") { Description = "The recipe, a YAML file", Arity = ArgumentArity.ZeroOrOne };
        var resume = new Option<bool>("--resume") { Description = "Continue the run in the recipe's output folder" };
        var overwrite = new Option<bool>("--overwrite") { Description = "Replace a run that is in the output folder" };
        var set = Options.Set();
        var output = Options.Out("The run folder, in place of the recipe's output");
        output.HelpName = "DIR";
        var keys = new Option<bool>("--keys") { Description = "List what a recipe can say, and do nothing" };
        var json = Options.Json();
        var verb = new DocumentedCommand("train", CommandGroup.Train, "Tune a model with a recipe",
            "train recipes/alpaca-lora.yaml",
            "train recipes/alpaca-lora.yaml --set training.learning_rate=1e-4 --set training.max_steps=20 --out runs/try",
            "train recipes/alpaca-lora.yaml --resume",
            "train --keys")
        {
            path, resume, overwrite, set, output, keys, json,
        };
        verb.SetAction((parsed, cancel) =>
        {
            if (parsed.GetValue(keys)) return Task.FromResult(KeyList.Show(RecipeFile.Keys, parsed.GetValue(json), terminal));
            var file = parsed.GetValue(path)
                ?? throw new InputException("train takes a recipe, as in: alpaca-cot train my-recipe.yaml");
            var recipe = RecipeFile.Load(file, parsed.GetValue(set));
            if (parsed.GetValue(output) is { } folder) recipe = recipe with { Output = folder };
            return Task.FromResult(Train(recipe, file, parsed.GetValue(resume), parsed.GetValue(overwrite),
                parsed.GetValue(json), terminal, cancel));
        });
        return verb;
    }

    private static int Train(Recipe recipe, string file, bool resume, bool overwrite, bool json, Terminal terminal,
        CancellationToken cancel)
    {
        var display = new TrainingDisplay(terminal.Beside(json), live: json ? terminal.ErrorIsTerminal : terminal.OutIsTerminal);
        var result = display.Follow(() => TrainingRun.Execute(recipe, display, resume, overwrite, cancel));
        if (result.Steps >= recipe.Training.LoggingSteps // stopped before the first line there is nothing to draw
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
            }));
        else Say(recipe, file, result, terminal.Console);
        return result.Cancelled ? ExitCode.Failed : ExitCode.Done;
    }

    private static void Say(Recipe recipe, string file, TrainingResult result, IAnsiConsole console)
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
        console.MarkupLine($"  next        [green]{Markup.Escape(next)}[/]");
    }
}
