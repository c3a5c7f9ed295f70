using System.Text.Json;
using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>The 252 user-oriented instructions of Self-Instruct (Wang et al., 2023).</summary>
internal sealed class SelfInstruct : IJudgedBenchmark
{
    public BenchmarkDescription About { get; } = new("self-instruct", "Self-Instruct, user-oriented", "yizhongw/self-instruct")
    {
        Data = "user_oriented_instructions.jsonl (instruction, instances), or published predictions (instruction, input, target)",
        Address = "https://github.com/yizhongw/self-instruct/blob/main/human_eval/user_oriented_instructions.jsonl",
        Prompt = "the instruction and its input in the model's prompt template",
        Extraction = "none: the complete answer is scored",
        Metric = "ROUGE-L F to the reference; with a judge the grade from 1 to 10 against the reference, divided by ten",
        MaxNewTokens = 512,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record =>
        {
            var instance = record.Field("instances") is { ValueKind: JsonValueKind.Array } all && all.GetArrayLength() > 0
                ? record with { Value = all[0] } : record;
            return new BenchmarkQuestion(record.Find("id") ?? record.Id, record.Find("motivation_app") ?? "user-oriented",
                record.Text("instruction").Trim() + options.Trigger)
            {
                Input = instance.Find("input") ?? "", References = [instance.Text("output", "target")],
            };
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var rouge = Rouge.BestLongest(response.Text, question.References);
        return new(rouge) { Measures = new Dictionary<string, double> { ["rouge_l"] = rouge } };
    }

    public IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts) =>
    [
        new(prompts.Fill("grade-reference", ("question", $"{question.Prompt}\n{question.Input}".Trim()),
            ("reference", question.References[0]), ("answer", response.Text)), GradeForm.OneToTen),
    ];

    public QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades) =>
        new(grades[0] / 10);
}
