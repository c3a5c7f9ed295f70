using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>What <c>alpaca-cot</c> says when it is called without a word: what it is and what to type.</summary>
internal static class FirstScreen
{
    private static readonly (string Command, string Does)[] TryFirst =
    [
        ("quickstart", "tune a small model here and now, in minutes"),
        ("doctor", "see what this machine offers"),
        ("train RECIPE", "tune your model on your data"),
    ];

    private static readonly Dictionary<CommandGroup, string> Titles = new()
    {
        [CommandGroup.Data] = "Look at data", [CommandGroup.Train] = "Train",
        [CommandGroup.Use] = "Use a model", [CommandGroup.Machine] = "This machine",
    };

    public static void Show(IEnumerable<DocumentedCommand> verbs, Terminal terminal)
    {
        var all = verbs.ToList();
        var console = terminal.Console;
        var width = all.Max(v => v.Name.Length) + 2;
        console.WriteLine();
        console.MarkupLine("  [bold orange3]AlpacaCot[/]  an instruction-tuning laboratory for large language models");
        console.WriteLine();
        console.MarkupLine("  [bold]Try first[/]");
        foreach (var (command, does) in TryFirst.Where(t => all.Any(v => v.Name == t.Command.Split(' ')[0])))
            console.MarkupLine($"    [green]alpaca-cot {command,-14}[/] [grey]{does}[/]");
        foreach (var group in all.GroupBy(v => v.Group).OrderBy(g => g.Key))
        {
            console.WriteLine();
            console.MarkupLine($"  [bold]{Titles[group.Key]}[/]");
            foreach (var verb in group)
                console.MarkupLine($"    [aqua]{verb.Name.PadRight(width)}[/]{Markup.Escape(verb.Description!)}");
        }
        console.WriteLine();
        console.MarkupLine("  [grey]alpaca-cot VERB --help shows the options of a verb with examples.[/]");
        console.WriteLine();
    }
}
