using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Preparation.Duplicates;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data dedupe</c>: leaves out exact and near duplicates.</summary>
internal static class DedupeCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var step = new PreparationStep(terminal);
        var standard = new DuplicateOptions();
        var threshold = Options.Number<double>("--threshold", "The least Jaccard similarity of near duplicates", "J",
            standard.Threshold!.Value, v => v is > 0 and <= 1, "a number above 0, at most 1");
        var words = Options.Positive<int>("--words", "Words in a shingle", "N", standard.Words);
        var characters = Options.Positive<int>("--chars", "Characters in a shingle of Chinese and other scripts without spaces",
            "N",
            standard.Characters);
        var exact = new Option<bool>("--exact") { Description = "Leave out exact duplicates alone" };
        var verb = new DocumentedCommand("dedupe", CommandGroup.Data, "Leave out exact and near duplicates; the first one stays",
            "data dedupe --in alpaca_data.json --out unique.jsonl --report duplicates.jsonl",
            "data dedupe --in a.json b.json --threshold 0.8 --dry-run --json",
            "data dedupe --in a.json --exact --out unique.jsonl")
        {
            threshold, words, characters, exact,
        };
        step.AddTo(verb);
        verb.SetAction((parsed, cancel) =>
        {
            var options = new DuplicateOptions
            {
                Threshold = parsed.GetValue(exact) ? null : parsed.GetValue(threshold),
                Words = parsed.GetValue(words),
                Characters = parsed.GetValue(characters),
            };
            var outcome = step.Run(parsed, (records, onFinding) => new Deduplicator(options).Filter(records, onFinding), cancel);
            var (same, near) = (outcome.Of("exact duplicate"), outcome.Of("near duplicate"));
            step.Print(parsed, outcome, json =>
            {
                json.WriteNumber("exact", same);
                json.WriteNumber("near", near);
                if (options.Threshold is { } least) json.WriteNumber("threshold", least);
            }, [string.Create(CultureInfo.InvariantCulture, $"{same:N0} exact duplicates, {near:N0} near duplicates")]);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }
}
