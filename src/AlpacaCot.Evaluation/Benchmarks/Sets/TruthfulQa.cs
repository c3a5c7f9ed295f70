using System.Text.Json;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>TruthfulQA (Lin et al., 2022): questions with common misconceptions, as multiple choice.</summary>
internal sealed class TruthfulQa : IBenchmark
{
    public BenchmarkDescription About { get; } = new("truthfulqa", "TruthfulQA", "sylinrl/TruthfulQA")
    {
        Data = "mc_task.json: question, mc1_targets, mc2_targets",
        Address = "https://github.com/sylinrl/TruthfulQA/blob/main/data/mc_task.json",
        Prompt = "\"Q: ...\", \"A:\"",
        Answering = "log-likelihood of the answers",
        Extraction = "the most probable answer",
        Metric = "MC1: the best true answer is more probable than every false one; mc2: the probability share of true answers",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record =>
        {
            var (best, all) = (Targets(record, "mc1_targets"), Targets(record, "mc2_targets"));
            if (best.Find(t => t.True).Text is not { } first) throw record.Bad("none of the mc1_targets is true");
            return new BenchmarkQuestion(record.Id, "truthfulqa", $"Q: {record.Text("question")}\nA:")
            {
                IsCompletion = true, Choices = [.. best.Concat(all).Select(t => t.Text).Distinct()],
                References = [first, .. all.Where(t => t.True && t.Text != first).Select(t => t.Text)],
            };
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var choices = question.Choices.Zip(response.Choices, (text, c) => (Text: text, c.LogLikelihood)).ToList();
        var wrong = choices.Where(c => !question.References.Contains(c.Text)).ToList();
        var best = choices.First(c => c.Text == question.References[0]).LogLikelihood;
        var top = choices.Max(c => c.LogLikelihood);
        double Mass(IEnumerable<(string, double LogLikelihood)> some) => some.Sum(c => Math.Exp(c.LogLikelihood - top));
        return new(wrong.TrueForAll(c => best > c.LogLikelihood) ? 1 : 0, choices.MaxBy(c => c.LogLikelihood).Text.Trim())
        {
            Measures = new Dictionary<string, double> { ["mc2"] = 1 - Mass(wrong) / Mass(choices) },
        };
    }

    private static List<(string Text, bool True)> Targets(PublishedRecord record, string name) =>
        record.Field(name) is { ValueKind: JsonValueKind.Object } targets
            ? [.. targets.EnumerateObject().Select(t => (" " + t.Name, t.Value.GetInt32() == 1))]
            : throw record.Bad($"it has no \"{name}\"");
}
