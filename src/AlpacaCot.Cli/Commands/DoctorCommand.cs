using System.CommandLine;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Machine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Models.Calibration;
using AlpacaCot.Text;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands;

/// <summary><c>doctor</c>: checks this machine.</summary>
internal sealed class DoctorCommand(Terminal terminal)
{
    private readonly Argument<string> _folder = new("FOLDER")
    {
        Description = "Folder to search for leftovers of killed writes. Default: the current one",
            Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<bool> _fresh = new("--fresh")
    {
        Description = "Measure the speed of matrix products and memory again; it is kept from the first time otherwise",
    };

    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DoctorCommand(terminal);
        command._folder.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: ['-', ..] word }]) result.AddError($"unknown option '{word}' of doctor");
        });
        return new DocumentedCommand("doctor", CommandGroup.Machine,
            "Check this machine: what is available, what is missing, and how to install it", "doctor", "doctor --fresh",
            "doctor runs --json")
        {
            command._folder, command._fresh, command._json,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var folder = parsed.GetValue(_folder) ?? ".";
        if (!Directory.Exists(folder)) throw new InputException($"{folder}: the folder does not exist");
        var json = parsed.GetValue(_json);
        var findings = MachineReport.Findings(folder, () => CalibrationStore.OfUser().Get(parsed.GetValue(_fresh),
            () => CalibrationNote.Show(terminal, json)));
        if (json) WriteJson(findings, terminal);
        else Show(findings, terminal);
        return findings.Any(f => f.State == FindingState.Missing) ? ExitCode.Failed : ExitCode.Done;
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
            ? "[red]Training does not work until the missing parts are installed.[/]" : "[green]Ready to train.[/]");
    }

    private static void WriteJson(IReadOnlyList<MachineFinding> findings, Terminal terminal) =>
        terminal.WriteJson(w => w.Object(o =>
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
