namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>The held-out questions of the samples, or any file of Alpaca records with a category.</summary>
internal sealed class HeldOut : IBenchmark
{
    public BenchmarkDescription About { get; } = new("heldout", "Held-out questions", "samples/data of this project")
    {
        Data = "heldout.json: a JSON array of instruction, input, output and category",
        Prompt = "the instruction and its input in the model's prompt template",
        Extraction = "the number behind \"The answer is\" or 答案是 where the reference has one, else the whole answer",
        Metric = "exact match but for case, white space and a final period",
        MaxNewTokens = 64,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        HeldOutQuestion.Read(path).Select((q, i) => new BenchmarkQuestion($"{q.Category}/{i + 1:D5}", q.Category,
            q.Instruction + options.Trigger) { Input = q.Input, References = [q.Reference] });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        QuestionScore.Of(question.References.Any(r => ExactMatch.IsRight(response.Text, r)), response.Text);
}
