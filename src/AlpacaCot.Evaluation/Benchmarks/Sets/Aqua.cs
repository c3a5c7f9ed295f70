namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>AQuA-RAT (Ling et al., 2017): algebra problems with five options.</summary>
internal sealed class Aqua : IBenchmark
{
    public BenchmarkDescription About { get; } = new("aqua", "AQuA-RAT", "google-deepmind/AQuA")
    {
        Data = "test.json: JSON lines of question, options and correct",
        Address = "https://github.com/google-deepmind/AQuA/blob/master/test.json",
        Prompt = "the question, its options as (A) to (E), then \"Let's think step by step.\" (--trigger for another)",
        Extraction = "the letter after \"the answer is\", else the first one, else the last in parentheses",
        Metric = "accuracy",
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.Records(path).Select(record => new BenchmarkQuestion(record.Id, "aqua",
            $"{record.Text("question").Trim()}\nOptions:\n"
            + string.Join('\n', record.Texts("options").Select(o => o.StartsWith('(') ? o : "(" + o.Replace(")", ") ")))
            + (options.Trigger ?? "\nLet's think step by step.")) { References = [record.Text("correct")] });

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) =>
        ChoiceScoring.ByLetter(question, response, 'E');
}
