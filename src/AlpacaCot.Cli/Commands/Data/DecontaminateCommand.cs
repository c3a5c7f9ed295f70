using System.CommandLine;
using System.Globalization;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Cli.Output;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Contamination;

namespace AlpacaCot.Cli.Commands.Data;

/// <summary><c>data decontaminate</c>: leaves out records that hold questions of evaluation sets.</summary>
internal static class DecontaminateCommand
{
    public static DocumentedCommand Create(Terminal terminal)
    {
        var step = new PreparationStep(terminal);
        var standard = new ContaminationOptions();
        var against = new Option<string[]>("--against")
        {
            Description = "Evaluation file, with fields of any name", HelpName = "FILE", Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var words = Options.Positive<int>("--ngram", "Words in a row that must be the same", "N", standard.Words);
        var characters = Options.Positive<int>("--chars", "Characters in a row, in Chinese and other scripts without spaces", "N",
            standard.Characters);
        var overlap = Options.Number<double>("--min-overlap", "The least part of a question's n-grams; at 0 one n-gram is enough",
            "P",
            standard.Overlap, v => v is >= 0 and <= 1, "a number from 0 to 1");
        var common = Options.Positive<int>("--max-common", "N-grams that more questions share do not count: phrases of the set",
            "N", standard.MostTexts);
        var verb = new DocumentedCommand("decontaminate", CommandGroup.Data, "Leave out records that hold questions of evaluation sets",
            "data decontaminate --in train.json --against gsm8k/test.jsonl --out clean.jsonl --report hits.jsonl",
            "data decontaminate --in train.json --against mmlu/*.csv --ngram 8 --min-overlap 0.5 --dry-run --json")
        {
            against, words, characters, overlap, common,
        };
        step.AddTo(verb);
        verb.SetAction((parsed, cancel) =>
        {
            var questions = parsed.GetValue(against)!.SelectMany(file => RecordFile.Read(file))
                .SelectMany(record => EvaluationText.From(record.Value, record.Origin));
            var evaluation = new Decontaminator(questions, new ContaminationOptions
            {
                Words = parsed.GetValue(words), Characters = parsed.GetValue(characters),
                Overlap = parsed.GetValue(overlap), MostTexts = parsed.GetValue(common),
            });
            var outcome = step.Run(parsed, (records, onHit) => evaluation.Filter(records, onHit), cancel);
            step.Print(parsed, outcome, json =>
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
                        $"searchable, {evaluation.CommonNgrams:N0} common n-grams left out"),
                string.Create(CultureInfo.InvariantCulture, $"{outcome.Findings:N0} hits"),
            ]);
            return Task.FromResult(ExitCode.Done);
        });
        return verb;
    }
}
