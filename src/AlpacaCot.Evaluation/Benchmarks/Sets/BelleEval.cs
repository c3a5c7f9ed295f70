using AlpacaCot.Evaluation.Judges;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>Belle-eval (BELLE, 2023): 1,000 Chinese instructions of ten classes, graded from 0 to 1.</summary>
internal sealed class BelleEval : IJudgedBenchmark
{
    /// <summary>The ten classes. The published files spell some of them differently (capitals, non-breaking spaces).</summary>
    public static readonly IReadOnlyList<string> Classes =
    [
        "code", "open qa", "brainstorming", "classification", "math", "generation", "summarization", "rewrite", "closed qa",
        "extract",
    ];

    private static readonly string[] WithoutReference = ["generation", "brainstorming", "rewrite"];

    public BenchmarkDescription About { get; } = new("belle-eval", "Belle-eval", "LianjiaTech/BELLE")
    {
        Data = "eval_set.json: JSON lines of question, class and std_answer",
        Address = "https://github.com/LianjiaTech/BELLE/blob/main/eval/eval_set.json",
        Prompt = "the question in the model's prompt template",
        Extraction = "none: the complete answer is graded",
        Metric = "a judge's grade from 0 to 1, with the standard answer except for generation, brainstorming and rewrite; "
            + "also ROUGE-L to the standard answer",
        MaxNewTokens = 512,
        MeanOfCategories = true,
        IsJudged = true,
    };

    /// <summary>Normalizes a published class name; null if it is not one of the ten.</summary>
    public static string? ClassOf(string name)
    {
        var plain = string.Join(' ', name.Replace('\u00a0', ' ').Replace('_', ' ').ToLowerInvariant()
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return plain switch
        {
            "close qa" or "closeqa" or "closedqa" => "closed qa",
            "openqa" => "open qa",
            "brainstorm" => "brainstorming",
            "summary" or "summarize" => "summarization",
            "clf" => "classification",
            "extraction" => "extract",
            _ => Classes.Contains(plain) ? plain : null,
        };
    }

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record =>
        {
            var name = record.Text("class", "C");
            var category = ClassOf(name) ?? throw record.Bad($"unknown class \"{name}\"; there are ten classes");
            return new BenchmarkQuestion(record.Id, category, record.Text("question", "Q") + options.Trigger)
            {
                References = record.Find("std_answer", "A") is { Length: > 0 } right ? [right] : [],
            };
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) => new(null)
    {
        Missing = "not graded by a judge",
        Measures = new Dictionary<string, double> { ["rouge_l"] = Rouge.BestLongest(response.Text, question.References) },
    };

    public IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts) =>
    [
        new(prompts.Fill("belle", ("criteria", prompts.Line("belle-criteria", question.Category)), ("question", question.Prompt),
            ("reference", WithoutReference.Contains(question.Category) || question.References.Count == 0 ? "（无）"
                : question.References[0]),
            ("answer", response.Text)), GradeForm.ZeroToOne),
    ];

    public QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades) =>
        new(grades[0]);
}
