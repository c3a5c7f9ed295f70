using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Preparation.Duplicates;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data dedupe</c>: removes exact and near duplicates.</summary>
internal sealed class DedupeCommand(Terminal terminal)
{
    private static readonly DuplicateOptions Standard = new();

    private readonly PreparationStep _step = new(terminal);
    private readonly Option<double> _threshold = Options.Number<double>("--threshold",
        "Minimum Jaccard similarity of near duplicates", "J", Standard.Threshold!.Value, v => v is > 0 and <= 1,
        "a number above 0, at most 1", 0.8);

    private readonly Option<int> _words = Options.Positive<int>("--words", "Length of a shingle in words", "N", Standard.Words),
        _characters = Options.Positive<int>("--chars",
            "Length of a shingle in characters, for Chinese and other scripts without spaces", "N", Standard.Characters);

    private readonly Option<bool> _exact = new("--exact") { Description = "Remove exact duplicates only" };

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DedupeCommand(terminal);
        return new DocumentedCommand("dedupe", CommandGroup.Data, "Remove exact and near duplicates; the first record is kept",
            "data dedupe --in alpaca_data.json --out unique.jsonl --report duplicates.jsonl",
            "data dedupe --in a.json b.json --threshold 0.8 --dry-run --json",
            "data dedupe --in a.json --exact --out unique.jsonl")
        {
            command._threshold, command._words, command._characters, command._exact, command._step.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var options = new DuplicateOptions
        {
            Threshold = parsed.GetValue(_exact) ? null : parsed.GetValue(_threshold),
            Words = parsed.GetValue(_words),
            Characters = parsed.GetValue(_characters),
        };
        var outcome = _step.Run(parsed, (records, onFinding) => new Deduplicator(options).Filter(records, onFinding), cancel);
        var (same, near) = (outcome.Of("exact duplicate"), outcome.Of("near duplicate"));
        _step.Print(parsed, outcome, json =>
        {
            json.WriteNumber("exact", same);
            json.WriteNumber("near", near);
            if (options.Threshold is { } least) json.WriteNumber("threshold", least);
        }, [string.Create(CultureInfo.InvariantCulture, $"{same:N0} exact duplicates, {near:N0} near duplicates")]);
        return ExitCode.Done;
    }
}
