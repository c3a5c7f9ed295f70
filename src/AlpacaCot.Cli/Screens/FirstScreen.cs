using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using Spectre.Console;

namespace AlpacaCot.Cli.Screens;

/// <summary>The output of <c>alpaca-cot</c> without arguments: commands by group, and what to try first.</summary>
internal static class FirstScreen
{
    private static readonly (string Command, string Does)[] TryFirst =
    [
        ("quickstart", "fine-tune a small model in minutes"),
        ("doctor", "check this machine"),
        ("train RECIPE", "fine-tune your model on your data"),
    ];

    private static readonly Dictionary<CommandGroup, string> Titles = new()
    {
        [CommandGroup.Data] = "Look at data", [CommandGroup.Train] = "Train",
        [CommandGroup.Use] = "Use a model", [CommandGroup.Machine] = "This machine",
    };

    public static void Show(IEnumerable<DocumentedCommand> commands, Terminal terminal)
    {
        var all = commands.ToList();
        var console = terminal.Console;
        var width = all.Max(v => v.Name.Length) + 2;
        console.WriteLine();
        console.MarkupLine("  [bold orange3]AlpacaCot[/]  an instruction-tuning laboratory for large language models");
        console.WriteLine();
        console.MarkupLine("  [bold]Try first[/]");
        foreach (var (line, does) in TryFirst.Where(t => all.Any(v => v.Name == t.Command.Split(' ')[0])))
            console.MarkupLine($"    [green]alpaca-cot {line,-14}[/] [grey]{does}[/]");
        foreach (var group in all.GroupBy(v => v.Group).OrderBy(g => g.Key))
        {
            console.WriteLine();
            console.MarkupLine($"  [bold]{Titles[group.Key]}[/]");
            // In columns, so that a description that is too long for the terminal goes on below itself.
            var rows = new Grid().AddColumn(new GridColumn { Padding = new(4, 0, 0, 0), NoWrap = true, Width = width })
                .AddColumn(new GridColumn { Padding = new(0, 0, 0, 0) });
            foreach (var command in group)
                rows.AddRow($"[aqua]{command.Name}[/]", Markup.Escape(command.Description!));
            console.Write(rows);
        }
        console.WriteLine();
        console.MarkupLine("  [grey]alpaca-cot COMMAND --help shows the options of a command with examples.[/]");
        console.WriteLine();
    }
}
