using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Training.Estimates;
using AlpacaCot.Training.Recipes;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>plan</c>: what a recipe will train and need, before it runs.</summary>
internal static class PlanCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var path = new Argument<string>("RECIPE") { Description = "The recipe, a YAML file" };
        var (set, json) = (Options.Set(), Options.Json());
        var verb = new DocumentedCommand("plan", CommandGroup.Train, "Count what a recipe trains and needs, without loading the model",
            "plan recipes/alpaca-lora.yaml",
            "plan recipes/alpaca-lora.yaml --set adapter.method=dora --set adapter.rank=16 --json")
        {
            path, set, json,
        };
        verb.SetAction((parsed, _) =>
        {
            var recipe = RecipeFile.Load(parsed.GetValue(path)!, parsed.GetValue(set));
            var (estimate, length) = (ResourceEstimate.Of(recipe), RunLength.Of(recipe));
            if (parsed.GetValue(json)) WriteJson(estimate, length, terminal);
            else Say(estimate, length, terminal.Console);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
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
        }));

    private static void Say(ResourceEstimate plan, RunLength length, IAnsiConsole console)
    {
        Line("model", $"{plan.Family}, {plan.BaseParameters:N0} parameters");
        Line("method", plan.Method);
        Line("trainable", $"{plan.TrainableParameters:N0} parameters, {plan.Percent:0.####} %");
        Line("memory", $"{Gigabytes(plan.Memory.Total)}: weights {Gigabytes(plan.Memory.Weights)}, adapter and gradients " +
            $"{Gigabytes(plan.Memory.Adapter)}, optimizer {Gigabytes(plan.Memory.Optimizer)}, activations about " +
            Gigabytes(plan.Memory.Activations));
        Line("steps", length.Examples is { } examples ? $"{length.Steps:N0} over {examples:N0} examples" : $"{length.Steps:N0}");

        void Line(string name, string text) => console.MarkupLine($"  {name,-10} {Markup.Escape(text)}");
    }

    private static string Gigabytes(long bytes) =>
        bytes >= 1L << 30 ? $"{bytes / (double)(1L << 30):0.0} GB" : $"{bytes / (double)(1L << 20):0.0} MB";
}
