using System.Text.Json;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>StrategyQA (Geva et al., 2021): yes-no questions with implicit reasoning steps.</summary>
internal sealed class StrategyQa : IBenchmark
{
    public BenchmarkDescription About { get; } = new("strategyqa", "StrategyQA", "eladsegal/strategyqa, google/BIG-bench")
    {
        Data = "JSON records of question and answer (true or false), or the BIG-bench task.json (input, target_scores)",
        Address = "https://github.com/google/BIG-bench/blob/main/bigbench/benchmark_tasks/strategyqa/task.json",
        Prompt = "the question, then \"Let's think step by step.\" (--trigger for another)",
        Extraction = "the yes or no after \"the answer is\", else the first one",
        Metric = "accuracy",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Id, "strategyqa",
            record.Text("question", "input").Trim() + (options.Trigger ?? "\nLet's think step by step."))
        {
            References = [Answer(record) ? "yes" : "no"],
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var said = AnswerScoring.YesOrNo(response.Text);
        return QuestionScore.Of(said == question.References[0], said);
    }

    private static bool Answer(PublishedRecord record)
    {
        if (record.Field("target_scores") is { ValueKind: JsonValueKind.Object } scores
            && scores.TryGetProperty("Yes", out var yes)) return yes.GetDouble() == 1;
        return record.Find("answer")?.ToLowerInvariant() switch
        {
            "true" or "yes" => true,
            "false" or "no" => false,
            _ => throw record.Bad("the answer must be true or false"),
        };
    }
}
