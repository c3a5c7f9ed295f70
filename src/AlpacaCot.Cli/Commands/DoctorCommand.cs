using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Machine;
using AlpacaCot.Cli.Output;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>doctor</c>: what this machine offers and lacks.</summary>
internal static class DoctorCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var json = Options.Json();
        var verb = new DocumentedCommand("doctor", CommandGroup.Machine, "Show what this machine offers and lacks, and what to do",
            "doctor", "doctor --json")
        {
            json,
        };
        verb.SetAction((parsed, _) =>
        {
            var findings = MachineReport.Findings();
            if (parsed.GetValue(json)) WriteJson(findings, terminal);
            else Show(findings, terminal);
            return Task.FromResult(findings.Any(f => f.State == FindingState.Missing) ? ExitCode.Failed : ExitCode.Done);
        });
        return verb;
    }

    private static void Show(IReadOnlyList<MachineFinding> findings, Terminal terminal)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = false };
        table.AddColumns("", "", "");
        table.Columns[1].NoWrap = true;
        foreach (var f in findings)
        {
            var (word, colour) = f.State switch
            {
                FindingState.Ok => ("ok", "green"),
                FindingState.Optional => ("-", "grey"),
                FindingState.Warning => ("warn", "yellow"),
                _ => ("missing", "red"),
            };
            var lines = new[] { ("default", f.Value), ("grey", f.Note), ("aqua", f.Remedy) }.Where(l => l.Item2.Length > 0)
                .Select(l => $"[{l.Item1}]{Markup.Escape(l.Item2)}[/]");
            if (terminal.OutIsTerminal) table.AddRow($"[{colour}]{word}[/]", $"[bold]{f.Name}[/]", string.Join('\n', lines));
            else terminal.Console.MarkupLine($"[{colour}]{word,-7}[/] {f.Name,-10} {string.Join(" | ", lines)}");
        }
        if (terminal.OutIsTerminal) terminal.Console.Write(table);
        terminal.Console.WriteLine();
        terminal.Console.MarkupLine(findings.Any(f => f.State == FindingState.Missing)
            ? "[red]Training does not work here until what is missing is there.[/]" : "[green]Ready to train.[/]");
    }

    private static void WriteJson(IReadOnlyList<MachineFinding> findings, Terminal terminal) => terminal.WriteJson(w => w.Object(o =>
    {
        o.WriteBoolean("ready", findings.All(f => f.State != FindingState.Missing));
        o.Array("findings", findings, f => o.Object(row =>
        {
            row.WriteString("name", f.Name);
            row.WriteString("state", f.State.ToString().ToLowerInvariant());
            row.WriteString("value", f.Value);
            row.WriteString("note", f.Note);
            row.WriteString("remedy", f.Remedy);
        }));
    }));
}
