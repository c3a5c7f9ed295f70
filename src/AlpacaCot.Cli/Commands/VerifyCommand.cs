using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Training.Recipes;
using AlpacaCot.Training.Verification;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>verify</c>: compares all ways to compute a recipe's first steps.</summary>
internal sealed class VerifyCommand(Terminal terminal)
{
    private readonly Argument<string> _recipe = new("RECIPE") { Description = "Recipe (YAML file)" };
    private readonly Option<int> _steps = Options.Positive<int>("--steps", "Train only N steps", "N", 3);
    private readonly Option<string[]> _set = Options.Set();
    private readonly DeviceOptions _device = new();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new VerifyCommand(terminal);
        return new DocumentedCommand("verify", CommandGroup.Train,
            "Run a recipe's first steps plain, packed, accumulated, checkpointed, in bf16 and int8, and resumed, and compare",
            "verify recipes/quickstart.yaml",
            "verify recipes/quickstart.yaml --steps 5 --set training.micro_batch_size=4 --json")
        {
            command._recipe, command._steps, command._set, command._device.All, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (json, steps) = (parsed.GetValue(_json), parsed.GetValue(_steps));
        var recipe = RecipeFile.Load(parsed.GetValue(_recipe)!, [.. parsed.GetValue(_set)!, .. _device.Settings(parsed)]);
        var beside = terminal.ErrorConsole;
        var arms = RecipeVerification.Run(recipe, steps,
            name => beside.MarkupLine($"[grey]{Markup.Escape($"{name}: {steps} steps")}[/]"), cancel);
        if (json) WriteJson(arms, steps);
        else Show(arms, steps);
        return arms.All(arm => arm.Agrees) ? ExitCode.Done : ExitCode.Failed;
    }

    private void Show(IReadOnlyList<VerifiedArm> arms, int steps)
    {
        var table = new Table { Border = terminal.OutIsTerminal ? TableBorder.Rounded : TableBorder.Simple };
        table.AddColumn("compared with plain");
        foreach (var column in (string[])["loss", "bound", "gradient", "bound", "weights", "bound"])
            table.AddColumn(new TableColumn(column) { NoWrap = true }.RightAligned());
        table.AddColumn("verdict");
        foreach (var arm in arms)
            if (arm.Skipped is { } why) table.AddRow(arm.Name, "", "", "", "", "", "",
                $"[grey]{Markup.Escape($"not run: {why}")}[/]");
            else
            {
                var bounds = arm.Bounds;
                var cells = new List<string> { $"[bold]{arm.Name}[/]\n[grey]{Markup.Escape(arm.Meaning)}[/]" };
                foreach (var (value, bound) in ((double, double)[])[(arm.Loss, bounds.Loss), (arm.Gradient, bounds.Gradient),
                    (arm.Weights, bounds.Weights)])
                    cells.AddRange([value <= bound ? Number(value) : $"[red]{Number(value)}[/]", $"[grey]{Number(bound)}[/]"]);
                cells.Add(arm.Agrees ? "[green]equal to rounding[/]" : "[red]different[/]");
                if (arm.Agrees && bounds == RoundingBounds.Exact) cells[^1] = "[green]identical[/]";
                table.AddRow([.. cells]);
            }
        terminal.Console.Write(table);
        terminal.Console.MarkupLine($"[grey]{steps} steps each; relative differences, the weights' over the change that "
            + "training made. "
            + "Dropout, NEFTune and validation off, constant learning rate. A bound is what rounding explains.[/]");
        var different = arms.Count(arm => !arm.Agrees);
        terminal.Console.MarkupLine(different == 0 ? "[green]All ways compute the same training.[/]"
            : $"[red]{different} of {arms.Count} ways differ by more than rounding.[/]");
    }

    private static string Number(double value) => value == 0 ? "0" : value.ToString("0.0e+0", CultureInfo.InvariantCulture);

    private void WriteJson(IReadOnlyList<VerifiedArm> arms, int steps) => terminal.WriteJson(w => w.Object(o =>
    {
        o.WriteBoolean("agrees", arms.All(arm => arm.Agrees));
        o.WriteNumber("steps", steps);
        o.Array("arms", arms, arm => o.Object(a =>
        {
            a.WriteString("name", arm.Name);
            a.WriteString("meaning", arm.Meaning);
            if (arm.Skipped is { } why)
            {
                a.WriteString("skipped", why);
                return;
            }
            a.WriteBoolean("agrees", arm.Agrees);
            foreach (var (name, value, bound) in ((string, double, double)[])[("loss", arm.Loss, arm.Bounds.Loss),
                ("gradient", arm.Gradient, arm.Bounds.Gradient), ("weights", arm.Weights, arm.Bounds.Weights)])
                a.Object(name, v =>
                {
                    v.WriteNumber("difference", value);
                    v.WriteNumber("bound", bound);
                });
        }));
    }));
}
