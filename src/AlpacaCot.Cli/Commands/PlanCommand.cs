using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>plan</c>: estimates trainable parameters, memory and steps of a recipe.</summary>
internal sealed class PlanCommand(Terminal terminal)
{
    private readonly Argument<string> _recipe = new("RECIPE") { Description = "Recipe (YAML file)" };
    private readonly Option<string[]> _set = Options.Set();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new PlanCommand(terminal);
        return new DocumentedCommand("plan", CommandGroup.Train,
            "Estimate trainable parameters, memory and steps of a recipe, without loading the model",
            "plan recipes/alpaca-lora.yaml",
            "plan recipes/alpaca-lora.yaml --set adapter.method=dora --set adapter.rank=16 --json")
        {
            command._recipe, command._set, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var recipe = RecipeFile.Load(parsed.GetValue(_recipe)!, parsed.GetValue(_set));
        var (estimate, length) = (ResourceEstimate.Of(recipe), RunLength.Of(recipe));
        if (parsed.GetValue(_json)) WriteJson(estimate, length, terminal);
        else Show(estimate, length, terminal.Console);
        return ExitCode.Done;
    }

    private static void WriteJson(ResourceEstimate plan, RunLength length, Terminal terminal) =>
        terminal.WriteJson(w => w.Object(o =>
        {
            o.WriteString("family", plan.Family);
            o.WriteString("method", plan.Method);
            o.Object("parameters", p =>
            {
                p.WriteNumber("base", plan.BaseParameters);
                p.WriteNumber("trainable", plan.TrainableParameters);
                p.WriteNumber("percent", Math.Round(plan.Percent, 4));
            });
            o.Object("bytes", b => EstimateJson.WriteBytes(b, plan.Memory));
            o.WriteNumber("memory_bytes", plan.Memory.Process);
            o.WriteNumber("steps", length.Steps);
            if (length.Examples is { } examples) o.WriteNumber("examples", examples);
            if (plan.Notes.Count > 0) o.WriteString("note", string.Join(" ", plan.Notes));
        }));

    private static void Show(ResourceEstimate plan, RunLength length, IAnsiConsole console)
    {
        Line("model", $"{plan.Family}, {plan.BaseParameters:N0} parameters");
        Line("method", plan.Method);
        Line("trainable", $"{plan.TrainableParameters:N0} parameters, {plan.Percent:0.####} %");
        Line("memory", $"{Gigabytes(plan.Memory.Total)}: weights {Gigabytes(plan.Memory.Weights)}, adapter and gradients " +
            $"{Gigabytes(plan.Memory.Adapter)}, optimizer {Gigabytes(plan.Memory.Optimizer)}, activations about " +
            Gigabytes(plan.Memory.Activations));
        Line("steps", length.Examples is { } examples ? $"{length.Steps:N0} over {examples:N0} examples" : $"{length.Steps:N0}");
        foreach (var note in plan.Notes) Line("note", note);

        void Line(string name, string text) => console.MarkupLine($"  {name,-10} {Markup.Escape(text)}");
    }

    private static string Gigabytes(long bytes) =>
        bytes >= 1L << 30 ? $"{bytes / (double)(1L << 30):0.0} GB" : $"{bytes / (double)(1L << 20):0.0} MB";
}
