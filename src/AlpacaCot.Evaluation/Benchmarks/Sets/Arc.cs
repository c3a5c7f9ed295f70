using System.Text.Json;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>ARC (Clark et al., 2018): science questions from school exams, in an easy and a challenge set.</summary>
internal sealed class Arc : IBenchmark
{
    public BenchmarkDescription About { get; } = new("arc", "AI2 Reasoning Challenge", "allenai/ai2_arc")
    {
        Data = "ARC-Challenge-Test.jsonl or ARC-Easy-Test.jsonl (question, choices, answerKey), or a folder of both",
        Address = "https://huggingface.co/datasets/allenai/ai2_arc/blob/main/ARC-Challenge/test-00000-of-00001.parquet",
        Prompt = "\"Question: ...\", \"Answer:\"",
        Answering = "log-likelihood of the answers' texts",
        Extraction = "the most probable answer per character",
        Metric = "accuracy (acc_norm; acc is by the plain sum)",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.In(path, ".jsonl", ".parquet").SelectMany(file => PublishedFile.Records(file).Select(record =>
        {
            var asked = record.Field("question");
            var stem = asked.ValueKind == JsonValueKind.Object ? asked.GetProperty("stem").GetString()! : record.Text("question");
            var choices = asked.ValueKind == JsonValueKind.Object ? asked.GetProperty("choices") : record.Field("choices");
            var all = Choices(choices, record);
            var right = all.FindIndex(c => c.Label == record.Text("answerKey"));
            if (right < 0) throw record.Bad("answerKey is not one of the choices");
            return new BenchmarkQuestion($"{PublishedFile.Stem(file)}/{record.Id}", PublishedFile.Stem(file),
                $"Question: {stem}\nAnswer:")
            {
                IsCompletion = true, Choices = [.. all.Select(c => c.Text)], References = [all[right].Text],
            };
        }));

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        ChoiceScoring.ByLikelihood(question, response, normalized: true);

    // Choices are a list of {text, label}, or an object with two lists.
    private static List<(string Text, string Label)> Choices(JsonElement choices, PublishedRecord record) =>
        choices.ValueKind switch
    {
        JsonValueKind.Array => [.. choices.EnumerateArray().Select(c =>
            (" " + c.GetProperty("text").GetString(), c.GetProperty("label").GetString()!))],
        JsonValueKind.Object => [.. choices.GetProperty("text").EnumerateArray().Zip(
            choices.GetProperty("label").EnumerateArray(), (text, label) => (" " + text.GetString(), label.GetString()!))],
        _ => throw record.Bad("it has no choices"),
    };
}
