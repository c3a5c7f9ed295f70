using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Contamination;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data decontaminate</c>: removes records that contain questions of evaluation sets.</summary>
internal sealed class DecontaminateCommand(Terminal terminal)
{
    private static readonly ContaminationOptions Standard = new();

    private readonly PreparationStep _step = new(terminal);
    private readonly Option<string[]> _against = new("--against")
    {
        Description = "Evaluation file, with any field names; several are allowed", HelpName = "FILE", Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int> _words = Options.Positive<int>("--ngram", "Length of an n-gram in words", "N", Standard.Words),
        _characters = Options.Positive<int>("--chars",
            "Length of an n-gram in characters, for Chinese and other scripts without spaces", "N", Standard.Characters);

    private readonly Option<double> _overlap = Options.Number<double>("--min-overlap",
        "Minimum share of a question's n-grams that a record contains; with 0 one n-gram is enough", "P", Standard.Overlap,
        v => v is >= 0 and <= 1, "a number from 0 to 1", 0.5);

    private readonly Option<int> _common = Options.Positive<int>("--max-common",
        "Ignore n-grams that occur in more than N questions", "N", Standard.MostTexts);

    public static DocumentedCommand Create(Terminal terminal)
    {
        var command = new DecontaminateCommand(terminal);
        return new DocumentedCommand("decontaminate", CommandGroup.Data,
            "Remove records that contain questions of evaluation sets",
            "data decontaminate --in train.json --against gsm8k/test.jsonl --out clean.jsonl --report hits.jsonl",
            "data decontaminate --in train.json --against mmlu/*.csv --ngram 8 --min-overlap 0.5 --dry-run --json")
        {
            command._against, command._words, command._characters, command._overlap, command._common, command._step.All,
        }.Runs(command.Run);
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var questions = parsed.GetValue(_against)!.SelectMany(file => RecordFile.Read(file))
            .SelectMany(record => EvaluationText.From(record.Value, record.Origin));
        var evaluation = new Decontaminator(questions, new ContaminationOptions
        {
            Words = parsed.GetValue(_words), Characters = parsed.GetValue(_characters),
            Overlap = parsed.GetValue(_overlap), MostTexts = parsed.GetValue(_common),
        });
        var outcome = _step.Run(parsed, (records, onHit) => evaluation.Filter(records, onHit), cancel);
        _step.Print(parsed, outcome, json =>
        {
            json.WriteNumber("hits", outcome.Findings);
            json.WriteNumber("evaluation_texts", evaluation.Texts);
            json.WriteNumber("searchable_texts", evaluation.SearchableTexts);
            json.WriteNumber("common_ngrams", evaluation.CommonNgrams);
        },
        [
            string.Create(CultureInfo.InvariantCulture,
                $"{evaluation.Texts:N0} evaluation texts, {evaluation.SearchableTexts:N0} of them ")
                + string.Create(CultureInfo.InvariantCulture,
                    $"searchable, {evaluation.CommonNgrams:N0} common n-grams ignored"),
            string.Create(CultureInfo.InvariantCulture, $"{outcome.Findings:N0} hits"),
        ]);
        return ExitCode.Done;
    }
}
