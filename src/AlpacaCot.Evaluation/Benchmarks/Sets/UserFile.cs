using System.Text.Json;
using AlpacaCot.Evaluation.Metrics;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>A user's file of prompts with references.</summary>
internal sealed class UserFile : IBenchmark
{
    public BenchmarkDescription About { get; } = new("file", "A file of prompts with references", "yours")
    {
        Data = "records of prompt (or instruction, question), input, reference (or output, answer; references for several), "
            + "category; or a set of the collection",
        Prompt = "the prompt and its input in the model's prompt template",
        Extraction = "by the type of the reference: a letter, yes or no, a number, or the text after \"the answer is\"",
        Metric = "accuracy; also ROUGE-L, BLEU and chrF to the best reference",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        options.Set is { } set ? OfSet(set.Entry.Name, path, options) : PublishedFile.Records(path).Select(record =>
            new BenchmarkQuestion(record.Find("id") ?? record.Id, record.Find("category", "class", "subject") ?? "all",
                record.Text("prompt", "instruction", "question") + options.Trigger)
            {
                Input = record.Find("input") ?? "",
                References = record.Field("references").ValueKind == JsonValueKind.Array ? record.Texts("references")
                    : [record.Text("reference", "output", "answer")],
            });

    // Questions from a data set of the collection: its single-turn conversations.
    private static IEnumerable<BenchmarkQuestion> OfSet(string name, string path, BenchmarkOptions options) =>
        PublishedFile.Conversations(path, options).Index()
            .Where(c => c.Item.Turns is [{ Role: Role.User, Media.Count: 0 }, { Role: Role.Assistant, Calls.Count: 0 }])
            .Select(c => new BenchmarkQuestion($"{c.Index + 1:D6}", name, c.Item.Turns[0].Text + options.Trigger)
            {
                Input = c.Item.Turns[0].Input, References = [c.Item.Turns[1].Text],
            });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        AnswerScoring.Score(response.Text, question.References) with
        {
            Measures = new Dictionary<string, double>
            {
                ["rouge_l"] = Rouge.BestLongest(response.Text, question.References),
                ["bleu"] = Bleu.Sentence(response.Text, question.References) / 100,
                ["chrf"] = ChrF.Sentence(response.Text, question.References) / 100,
            },
        };
}
