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
        var tries = TryFirst.Where(t => all.Any(v => v.Name == t.Command.Split(' ')[0])).ToList();
        foreach (var (line, does) in tries) Row($"alpaca-cot {line}", does, "green", "grey", "alpaca-cot ".Length + 14);
        foreach (var group in all.GroupBy(v => v.Group).OrderBy(g => g.Key))
        {
            console.WriteLine();
            console.MarkupLine($"  [bold]{Titles[group.Key]}[/]");
            foreach (var command in group) Row(command.Name, command.Description!, "aqua", "default", width - 1);
        }
        console.WriteLine();
        console.MarkupLine("  [grey]alpaca-cot COMMAND --help shows the options of a command with examples.[/]");
        console.WriteLine();

        // Words that do not fit continue under the first.
        void Row(string name, string text, string colour, string textColour, int nameWidth)
        {
            var start = 4 + nameWidth + 1;
            var lines = Wrapped(text, Math.Max(20, console.Profile.Width - start - 1));
            foreach (var (i, line) in lines.Index())
                console.MarkupLine((i == 0 ? $"    [{colour}]{name.PadRight(nameWidth)}[/] " : new string(' ', start))
                    + $"[{textColour}]{Markup.Escape(line)}[/]");
        }
    }

    private static List<string> Wrapped(string text, int width)
    {
        var lines = new List<string> { "" };
        foreach (var word in text.Split(' '))
            if (lines[^1].Length == 0) lines[^1] = word;
            else if (lines[^1].Length + 1 + word.Length <= width) lines[^1] += " " + word;
            else lines.Add(word);
        return lines;
    }
}
