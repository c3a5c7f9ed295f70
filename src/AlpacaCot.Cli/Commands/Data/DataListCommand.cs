using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data list</c>: prints the catalogue.</summary>
internal sealed class DataListCommand(Terminal terminal)
{
    private readonly Option<SetLanguages?> _language = Codes<SetLanguages>("--lang",
        "Only sets in a language: EN, CN, or ML (many languages)");

    private readonly Option<SetTasks?> _task = Codes<SetTasks>("--task", "Only sets with many tasks (MT) or with one (TS)");
    private readonly Option<SetGeneration?> _generation = Codes<SetGeneration>("--generation",
        "Only sets written by humans (HG), by models (SI), by both (MIX), or collected (COL)");

    private readonly Option<string> _tag = new("--tag")
    {
        Description = "Only sets with this tag, for example cot, code or dialogue", HelpName = "TAG",
    };

    private readonly Option<string> _search = Options.Text("--search", "Only sets with this text in name, title or type");
    private readonly Option<bool> _original = new("--original")
    {
        Description = "Only the sets in the table of the original collection, without their parts",
    };

    private readonly Option<bool> _present = new("--present") { Description = "Only sets whose data is on this machine" };
    private readonly CatalogueOptions _catalogue = new();
    private readonly Option<bool> _json = Options.Json();

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DataListCommand(terminal);
        return new DocumentedCommand("list", CommandGroup.Data, "List the sets of the instruction collection",
            "data list", "data list --lang cn --task mt", "data list --tag cot --json")
        {
            command._language, command._task, command._generation, command._tag, command._search, command._original,
            command._present, command._json, command._catalogue.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var sets = _catalogue.Own(parsed).Concat(Catalogue.All)
            .Where(s => parsed.GetValue(_language) is not { } l || (s.Entry.Languages & l) != 0)
            .Where(s => parsed.GetValue(_task) is not { } t || (s.Entry.Tasks & t) != 0)
            .Where(s => parsed.GetValue(_generation) is not { } g || s.Entry.Generation == g)
            .Where(s => parsed.GetValue(_tag) is not { } word || s.Entry.Tags.Contains(word, StringComparer.OrdinalIgnoreCase))
            .Where(s => parsed.GetValue(_search) is not { } text || Mentions(s.Entry, text))
            .Where(s => !parsed.GetValue(_original) || s.Entry.Original)
            .Select(s => (s.Entry, Data: _catalogue.DataOf(s, parsed)))
            .Where(s => !parsed.GetValue(_present) || s.Data.Count > 0).ToList();
        if (parsed.GetValue(_json))
            terminal.WriteJson(w => w.Object(o =>
                o.Array("sets", sets, s => o.Object(set => CatalogueOptions.Write(set, s.Entry, s.Data)))));
        else Show(sets, terminal);
        return ExitCode.Done;
    }

    private static bool Mentions(CatalogueEntry entry, string text) =>
        entry.Aliases.Append(entry.Name).Append(entry.Title).Append(entry.Type).Any(t =>
            t.Contains(text, StringComparison.OrdinalIgnoreCase));

    private static Option<T?> Codes<T>(string name, string description) where T : struct, Enum
    {
        var codes = Enum.GetNames<T>()[1..];
        return new Option<T?>(name)
        {
            Description = description, HelpName = string.Join('|', codes).ToLowerInvariant(),
            CustomParser = result =>
            {
                var word = result.Tokens[0].Value;
                if (codes.Contains(word.ToUpperInvariant())) return Enum.Parse<T>(word, ignoreCase: true);
                result.AddError($"{name}: found {word}, allowed is {string.Join(" or ", codes)}");
                return null;
            },
        };
    }

    private static void Show(List<(CatalogueEntry Entry, IReadOnlyList<string> Data)> sets, Terminal terminal)
    {
        if (sets.Count == 0)
        {
            terminal.Out.WriteLine("No set matches; \"alpaca-cot data list\" shows all.");
            return;
        }
        var shown = sets.Select(s => s.Entry.Name).ToHashSet();
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new Style(Color.Grey) };
        foreach (var column in (string[])["set", "records", "lang", "task", "by", "about", "licence", "here"])
            table.AddColumn(new TableColumn(column) { NoWrap = column is not ("about" or "licence") });
        table.Columns[1].RightAligned();
        foreach (var (entry, data) in sets)
        {
            // A part is indented below its set.
            var name = shown.Contains(entry.PartOf) ? $"  {entry.Name}" : entry.Name;
            var records = entry.Records?.ToString("N0", CultureInfo.InvariantCulture) ?? "?";
            string[] cells = [records, entry.LanguageCodes, entry.TaskCodes, entry.GenerationCode, entry.Type, entry.Licence];
            if (terminal.OutIsTerminal)
                table.AddRow(
                    [$"[bold]{Markup.Escape(name)}[/]", .. cells.Select(Markup.Escape), data.Count == 0 ? "" : "[green]yes[/]"]);
            else
                terminal.Out.WriteLine($"{name,-24} {records,12}  {cells[1],-5}  {cells[2],-5}  {cells[3],-3}  "
                    + $"{(data.Count == 0 ? "-" : "here"),-4}  {entry.Type} ({entry.Licence})");
        }
        if (terminal.OutIsTerminal) terminal.Console.Write(table);
        var total = sets.Where(s => s.Entry.PartOf.Length == 0 || !shown.Contains(s.Entry.PartOf)).Sum(s => s.Entry.Records ?? 0);
        terminal.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{sets.Count} sets, {total:N0} records (parts counted once); {sets.Count(s => s.Data.Count > 0)} here"));
    }
}
