using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Cleaning;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data clean</c>: repairs broken text and leaves out records that teach nothing good.</summary>
internal static class CleanCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var step = new PreparationStep(terminal);
        var filters = List("--filters", $"The filters to apply: {string.Join(", ", Cleaner.FilterNames)}; all without it",
            "NAMES");
        var languages = List("--lang", "Languages that stay, as in en,zh; all without it", "CODES");
        var leastPrompt = Options.Positive<int?>("--min-prompt", "The least characters of a question", "N");
        var mostPrompt = Options.Positive<int?>("--max-prompt", "The most characters of a question", "N");
        var leastAnswer = Options.Positive<int?>("--min-answer", "The least characters of an answer", "N");
        var mostAnswer = Options.Positive<int?>("--max-answer", "The most characters of an answer", "N");
        var verb = new DocumentedCommand("clean", CommandGroup.Data, "Repair broken text; leave out empty, cut, repeating, refusing answers",
            "data clean --in alpaca_data.json --out clean.jsonl --report removed.jsonl",
            "data clean --in alpaca_data.json --dry-run --json",
            "data clean --in a.json b.json --lang en,zh --filters language,length --min-answer 10 --out c.jsonl")
        {
            filters, languages, leastPrompt, mostPrompt, leastAnswer, mostAnswer,
        };
        step.AddTo(verb);
        verb.SetAction((parsed, cancel) =>
        {
            var cleaner = new Cleaner(new CleaningOptions
            {
                Filters = parsed.GetValue(filters) is { Length: > 0 } names ? Words(names) : null,
                Languages = Words(parsed.GetValue(languages) ?? []),
                LeastPrompt = parsed.GetValue(leastPrompt) ?? 0,
                MostPrompt = parsed.GetValue(mostPrompt) ?? int.MaxValue,
                LeastAnswer = parsed.GetValue(leastAnswer) ?? 0,
                MostAnswer = parsed.GetValue(mostAnswer) ?? int.MaxValue,
            });
            var outcome = step.Run(parsed, (records, onFinding) => cleaner.Filter(records, onFinding), cancel);
            step.Print(parsed, outcome, json => json.Array("filters", cleaner.Filters, filter => json.Object(o =>
            {
                o.WriteString("name", filter.Name);
                o.WriteNumber("removed", outcome.Of(filter.Name));
                o.WriteNumber("repaired", outcome.Of(filter.Name, FindingAction.Repaired));
                o.WriteString("description", filter.Description);
            })), cleaner.Filters.Select(filter => string.Create(CultureInfo.InvariantCulture,
                $"{filter.Name,-11} {outcome.Of(filter.Name),9:N0} removed {outcome.Of(filter.Name, FindingAction.Repaired),9:N0} repaired   ")
                + filter.Description));
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }

    private static Option<string[]> List(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName, AllowMultipleArgumentsPerToken = true };

    private static string[] Words(string[] lists) =>
        [.. lists.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
}
