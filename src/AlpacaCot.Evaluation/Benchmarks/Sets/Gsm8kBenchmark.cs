using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>GSM8K (Cobbe et al., 2021): grade-school math word problems.</summary>
internal sealed class Gsm8kBenchmark : IBenchmark
{
    private const string Trigger = "\nLet's think step by step.";

    public BenchmarkDescription About { get; } = new("gsm8k", "GSM8K", "openai/grade-school-math")
    {
        Data = "test.jsonl: question, answer with #### before the result",
        Address = "https://github.com/openai/grade-school-math/blob/master/grade_school_math/data/test.jsonl",
        Prompt = "the question, then \"Let's think step by step.\" (--trigger for another)",
        Extraction = "of the first answer, without a question that the model asks itself afterwards: the number after ####, "
            + "else after \"the answer is\" or 答案是, else the last number",
        Metric = "equal numbers",
        MaxNewTokens = 320,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Id, "gsm8k",
            record.Text("question").Trim() + (options.Trigger ?? Trigger))
        {
            References = [NumericAnswer.AfterMark(record.Text("answer"))
                ?? throw record.Bad("the answer has no result after ####")],
        });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        AnswerScoring.ByNumber(response.Text, question.References);
}
