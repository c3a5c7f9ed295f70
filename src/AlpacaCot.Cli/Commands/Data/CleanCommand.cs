using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation;
using AlpacaCot.Data.Preparation.Cleaning;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data clean</c>: repairs broken text and removes bad records.</summary>
internal sealed class CleanCommand(Terminal terminal)
{
    private readonly PreparationStep _step = new(terminal);
    private readonly Option<string[]> _filters = List("--filters",
        $"Filters to apply: {string.Join(", ", Cleaner.FilterNames)}. Default: all", "NAMES");

    private readonly Option<string[]> _languages = List("--lang", "Languages to keep, for example en,zh. Default: all", "CODES");
    private readonly Option<int?> _minPrompt = Options.Positive<int?>("--min-prompt", "Minimum length of a prompt in characters",
        "N"),
        _maxPrompt = Options.Positive<int?>("--max-prompt", "Maximum length of a prompt in characters", "N"),
        _minAnswer = Options.Positive<int?>("--min-answer", "Minimum length of an answer in characters", "N"),
        _maxAnswer = Options.Positive<int?>("--max-answer", "Maximum length of an answer in characters", "N");

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new CleanCommand(terminal);
        return new DocumentedCommand("clean", CommandGroup.Data,
            "Repair broken text; remove empty, truncated, repetitive and refusing answers",
            "data clean --in alpaca_data.json --out clean.jsonl --report removed.jsonl",
            "data clean --in alpaca_data.json --dry-run --json",
            "data clean --in a.json b.json --lang en,zh --filters language,length --min-answer 10 --out c.jsonl")
        {
            command._filters, command._languages, command._minPrompt, command._maxPrompt, command._minAnswer,
            command._maxAnswer, command._step.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var cleaner = new Cleaner(new CleaningOptions
        {
            Filters = parsed.GetValue(_filters) is { Length: > 0 } names ? Words(names) : null,
            Languages = Words(parsed.GetValue(_languages) ?? []),
            LeastPrompt = parsed.GetValue(_minPrompt) ?? 0,
            MostPrompt = parsed.GetValue(_maxPrompt) ?? int.MaxValue,
            LeastAnswer = parsed.GetValue(_minAnswer) ?? 0,
            MostAnswer = parsed.GetValue(_maxAnswer) ?? int.MaxValue,
        });
        var outcome = _step.Run(parsed, (records, onFinding) => cleaner.Filter(records, onFinding), cancel,
            AnswerRule.Optional);
        _step.Print(parsed, outcome, json => json.Array("filters", cleaner.Filters, filter => json.Object(o =>
        {
            o.WriteString("name", filter.Name);
            o.WriteNumber("removed", outcome.Of(filter.Name));
            o.WriteNumber("repaired", outcome.Of(filter.Name, FindingAction.Repaired));
            o.WriteString("description", filter.Description);
        })), cleaner.Filters.Select(filter => string.Create(CultureInfo.InvariantCulture,
            $"{filter.Name,-11} {outcome.Of(filter.Name),9:N0} removed {outcome.Of(filter.Name, FindingAction.Repaired),9:N0} "
                + $"repaired   ")
            + filter.Description));
        return ExitCode.Done;
    }

    private static Option<string[]> List(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName, AllowMultipleArgumentsPerToken = true };

    private static string[] Words(string[] lists) =>
        [.. lists.SelectMany(list => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
}
