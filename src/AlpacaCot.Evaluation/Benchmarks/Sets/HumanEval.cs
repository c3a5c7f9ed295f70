using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>
/// HumanEval (Chen et al., 2021): function completion, run against tests in a sandbox.
/// </summary>
/// <param name="runner">Runs the programs in a sandbox; null: no program is run, and none is scored.</param>
public sealed class HumanEval(CodeRunner? runner = null) : IBenchmark
{
    /// <inheritdoc/>
    public BenchmarkDescription About { get; } = new("humaneval", "HumanEval", "openai/human-eval")
    {
        Data = "HumanEval.jsonl: task_id, prompt, test, entry_point",
        Address = "https://github.com/openai/human-eval/blob/master/data/HumanEval.jsonl.gz",
        Prompt = "the beginning of the function, without a prompt template",
        Extraction = "the continuation up to the next unindented line",
        Metric = "pass@1: the share of programs that pass their tests under --runner; pass@k with several samples per problem",
        MaxNewTokens = 512,
    };

    /// <inheritdoc/>
    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Text("task_id"), "python",
            record.Text("prompt"))
        {
            IsCompletion = true, References = [$"{record.Text("test")}\ncheck({record.Text("entry_point")})\n"],
            Stop = ["\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(", "\n```"],
        });

    /// <inheritdoc/>
    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        if (runner is null) return new(null) { Missing = "no --runner with a sandbox" };
        var passing = response.Texts.Count(text => runner.Passes($"{question.Prompt}{text}\n{question.References[0]}"));
        var measures = new Dictionary<string, double>();
        foreach (var k in (int[])[1, 10, 100])
            if (k <= response.Texts.Count) measures[$"pass_at_{k}"] = PassAtK.Estimate(response.Texts.Count, passing, k);
        return new(measures["pass_at_1"], passing > 0 ? "passes" : "fails") { Measures = measures };
    }
}
