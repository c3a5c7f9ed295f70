using AlpacaCot.Evaluation.Judges;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>AlpacaEval (Li et al., 2023): pairwise comparison with a baseline's answers, judged in both orders.</summary>
internal sealed class AlpacaEval : IJudgedBenchmark
{
    public BenchmarkDescription About { get; } = new("alpaca-eval", "AlpacaEval, pairwise", "tatsu-lab/alpaca_eval")
    {
        Data = "the baseline's answers, as alpaca_eval.json or any model_outputs.json: instruction, output, dataset, generator",
        Address = "https://huggingface.co/datasets/tatsu-lab/alpaca_eval/blob/main/alpaca_eval.json",
        Prompt = "the instruction in the model's prompt template",
        Extraction = "none: complete answers are compared",
        Metric = "win rate against the baseline: 1 where a judge prefers the answer in both orders, 0 where it prefers the "
            + "baseline's in both, else 0.5",
        MaxNewTokens = 1024, IsJudged = true,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Id, record.Find("dataset") ?? "all",
            record.Text("instruction") + options.Trigger)
        {
            Input = record.Find("input") ?? "", References = [record.Text("output")],
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        new(null) { Missing = "not compared by a judge" };

    public IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts)
    {
        var asked = question.Input.Length > 0 ? $"{question.Prompt}\n\n{question.Input}" : question.Prompt;
        JudgeQuestion Compare(string a, string b) =>
            new(prompts.Fill("pairwise", ("question", asked), ("answer_a", a), ("answer_b", b)), GradeForm.Comparison);
        return [Compare(response.Text, question.References[0]), Compare(question.References[0], response.Text)];
    }

    public QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades)
    {
        var (first, second) = (grades[0], 1 - grades[1]); // in the second order the answer is B
        return new(first == second ? first : 0.5)
        {
            Measures = new Dictionary<string, double> { ["both_orders_agree"] = first == second ? 1 : 0 },
        };
    }
}
