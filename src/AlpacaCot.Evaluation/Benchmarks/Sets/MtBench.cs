using System.Text.Json;
using AlpacaCot.Evaluation.Judges;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>MT-Bench and the 80 Vicuna questions (LMSYS, 2023): open-ended questions, graded from 1 to 10.</summary>
internal sealed class MtBench : IJudgedBenchmark
{
    public static readonly MtBench TwoTurns = new(new("mt-bench", "MT-Bench", "lm-sys/FastChat")
    {
        Data = "question.jsonl (question_id, category, turns), or its folder with reference_answer/gpt-4.jsonl",
        Address = "https://github.com/lm-sys/FastChat/tree/main/fastchat/llm_judge/data/mt_bench",
        Prompt = "the first turn, then, with the model's answer before it, the second, in the model's prompt template",
        Extraction = "none: both answers are graded",
        Metric = "the mean of a judge's grades of both turns, from 1 to 10; with reference answers where they are published",
        MaxNewTokens = 1024, Scale = 10, IsJudged = true,
    });

    public static readonly MtBench Vicuna80 = new(new("vicuna", "Vicuna's 80 questions", "lm-sys/FastChat")
    {
        Data = "question.jsonl: question_id, category, text (or turns)",
        Address = "https://github.com/lm-sys/FastChat/blob/main/fastchat/llm_judge/data/vicuna_bench/question.jsonl",
        Prompt = "the question in the model's prompt template",
        Extraction = "none: the complete answer is graded",
        Metric = "a judge's grade from 1 to 10",
        MaxNewTokens = 1024, Scale = 10, IsJudged = true,
    });

    private MtBench(BenchmarkDescription about) => About = about;

    public BenchmarkDescription About { get; }

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "question.jsonl") : path;
        var references = References(Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, "reference_answer",
            "gpt-4.jsonl"));
        foreach (var record in PublishedFile.Records(file))
        {
            var id = record.Text("question_id");
            var turns = record.Find("text") is { } only ? [only] : record.Texts("turns");
            if (turns.Count == 0) throw record.Bad("\"turns\" is empty");
            yield return new(id, record.Text("category"), turns[0] + options.Trigger)
            {
                FollowUps = [.. turns.Skip(1)],
                References = record.Field("reference").ValueKind == JsonValueKind.Array ? record.Texts("reference")
                    : references.GetValueOrDefault(id) ?? [],
            };
        }
    }

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        new(null) { Missing = "not graded by a judge" };

    public IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts)
    {
        var asked = new List<JudgeQuestion>
        {
            new(question.References is [var right, ..]
                ? prompts.Fill("grade-reference", ("question", question.Prompt), ("reference", right), ("answer", response.Text))
                : prompts.Fill("grade", ("question", question.Prompt), ("answer", response.Text)), GradeForm.OneToTen),
        };
        for (var turn = 1; turn < response.Texts.Count; turn++)
            asked.Add(new(prompts.Fill("grade-second-turn", ("first_question", question.Prompt), ("first_answer", response.Text),
                ("question", question.FollowUps[turn - 1]), ("answer", response.Texts[turn]),
                ("reference", question.References.Count > turn ? question.References[turn] : "-")), GradeForm.OneToTen));
        return asked;
    }

    public QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades) =>
        new(grades.Average() / About.Scale)
        {
            Measures = grades.Index().ToDictionary(g => $"turn_{g.Index + 1}", g => g.Item),
        };

    private static Dictionary<string, IReadOnlyList<string>> References(string path) => !File.Exists(path) ? []
        : PublishedFile.Records(path).ToDictionary(r => r.Text("question_id"), r => (IReadOnlyList<string>)
            [.. r.Field("choices")[0].GetProperty("turns").EnumerateArray().Select(t => t.GetString()!)]);
}
