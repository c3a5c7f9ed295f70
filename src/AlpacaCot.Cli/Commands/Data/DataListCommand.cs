using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Collection;
using Spectre.Console;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data list</c>: the catalogue as a table.</summary>
internal static class DataListCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var language = Codes<SetLanguages>("--lang", "Only sets in a language: EN, CN, ML (many)");
        var task = Codes<SetTasks>("--task", "Only sets of many tasks (MT) or of one (TS)");
        var generation = Codes<SetGeneration>("--generation",
            "Only sets written by humans (HG), by models (SI), by both (MIX), or collected (COL)");
        var tag = new Option<string>("--tag")
        {
            Description = "Only sets with this tag, such as cot, code or dialogue", HelpName = "TAG",
        };
        var search = Options.Text("--search", "Only sets whose name, title or type has this text");
        var original = new Option<bool>("--original")
        {
            Description = "Only the sets in the table of the original collection, not their parts",
        };
        var present = new Option<bool>("--present") { Description = "Only sets whose data is here" };
        var options = new CatalogueOptions();
        var json = Options.Json();
        var verb = new DocumentedCommand("list", CommandGroup.Data, "List the sets of the instruction collection",
            "data list", "data list --lang cn --task mt", "data list --tag cot --json")
        {
            language, task, generation, tag, search, original, present, json,
        };
        options.AddTo(verb);
        verb.SetAction((parsed, _) =>
        {
            var sets = options.Own(parsed).Concat(Catalogue.All)
                .Where(s => parsed.GetValue(language) is not { } l || (s.Entry.Languages & l) != 0)
                .Where(s => parsed.GetValue(task) is not { } t || (s.Entry.Tasks & t) != 0)
                .Where(s => parsed.GetValue(generation) is not { } g || s.Entry.Generation == g)
                .Where(s => parsed.GetValue(tag) is not { } word || s.Entry.Tags.Contains(word, StringComparer.OrdinalIgnoreCase))
                .Where(s => parsed.GetValue(search) is not { } text || Mentions(s.Entry, text))
                .Where(s => !parsed.GetValue(original) || s.Entry.Original)
                .Select(s => (s.Entry, Data: options.DataOf(s, parsed)))
                .Where(s => !parsed.GetValue(present) || s.Data.Count > 0).ToList();
            if (parsed.GetValue(json))
                terminal.WriteJson(w => w.Object(o =>
                    o.Array("sets", sets, s => o.Object(set => CatalogueOptions.Write(set, s.Entry, s.Data)))));
            else Show(sets, terminal);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static bool Mentions(CatalogueEntry entry, string text) =>
        entry.Aliases.Append(entry.Name).Append(entry.Title).Append(entry.Type).Any(t =>
            t.Contains(text, StringComparison.OrdinalIgnoreCase));

    private static Option<T?> Codes<T>(string name, string description) where T : struct, Enum
    {
        var codes = Enum.GetNames<T>()[1..];
        var option = new Option<T?>(name)
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
        return option;
    }

    private static void Show(List<(CatalogueEntry Entry, IReadOnlyList<string> Data)> sets, Terminal terminal)
    {
        if (sets.Count == 0)
        {
            terminal.Out.WriteLine("No set is like this; \"alpaca-cot data list\" shows all.");
            return;
        }
        var shown = sets.Select(s => s.Entry.Name).ToHashSet();
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new Style(Color.Grey) };
        foreach (var column in (string[])["set", "records", "lang", "task", "by", "about", "licence", "here"])
            table.AddColumn(new TableColumn(column) { NoWrap = column is not ("about" or "licence") });
        table.Columns[1].RightAligned();
        foreach (var (entry, data) in sets)
        {
            // A part stands below the set it belongs to.
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
