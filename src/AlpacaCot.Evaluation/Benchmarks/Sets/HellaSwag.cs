using System.Text.RegularExpressions;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>HellaSwag (Zellers et al., 2019): choose the plausible ending out of four.</summary>
internal sealed partial class HellaSwag : IBenchmark
{
    public BenchmarkDescription About { get; } = new("hellaswag", "HellaSwag", "rowanz/hellaswag")
    {
        Data = "hellaswag_val.jsonl: activity_label, ctx (or ctx_a and ctx_b), endings, label",
        Address = "https://github.com/rowanz/hellaswag/blob/master/data/hellaswag_val.jsonl",
        Prompt = "the activity, a colon and the beginning of the text; marks in brackets are removed",
        Answering = "log-likelihood of the endings",
        Extraction = "the most probable ending per character",
        Metric = "accuracy (acc_norm; acc is by the plain sum)",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record =>
        {
            var context = record.Find("ctx_b") is { } end && record.Find("ctx_a") is { } begin
                ? end.Length == 0 ? begin : $"{begin} {char.ToUpperInvariant(end[0])}{end[1..]}" : record.Text("ctx");
            var choices = record.Texts("endings").Select(e => " " + Clean(e)).ToList();
            if (!int.TryParse(record.Text("label"), out var label) || label < 0 || label >= choices.Count)
                throw record.Bad("label is not one of the endings; the test file has no labels, use the validation file");
            return new BenchmarkQuestion(record.Id, "hellaswag", Clean($"{record.Find("activity_label")}: {context}"))
            {
                IsCompletion = true, Choices = choices, References = [choices[label]],
            };
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        ChoiceScoring.ByLikelihood(question, response, normalized: true);

    private static string Clean(string text) =>
        Brackets.Replace(text.Trim().Replace(" [title]", ". ", StringComparison.Ordinal), "")
            .Replace("  ", " ", StringComparison.Ordinal).Trim();

    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Brackets { get; }
}
