namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>MMLU (Hendrycks et al., 2021): exams in 57 subjects.</summary>
internal sealed class Mmlu : IBenchmark
{
    // The publisher's prompts have two spaces before the subject.
    private static readonly ExamFiles Files = new(
        subject => $"The following are multiple choice questions (with answers) about  {subject.Replace('_', ' ')}.\n\n",
        "", "\nAnswer:", " ", "test");

    public BenchmarkDescription About { get; } = new("mmlu", "MMLU", "hendrycks/test")
    {
        Data = "the folder with test/ and dev/, one CSV file per subject; or one file of it; or the hub's test-*.parquet and "
            + "dev-*.parquet",
        Address = "https://huggingface.co/datasets/cais/mmlu/tree/main/all",
        Prompt = "the publisher's: a heading with the subject, the question with options A. to D., \"Answer:\"",
        Shots = "5 from dev/",
        Answering = "log-likelihood of A to D (--generate: greedy decoding)",
        Extraction = "the most probable letter; when generating, the letter after \"the answer is\", or first, or alone",
        Metric = "accuracy",
        MaxNewTokens = 16,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) => Files.Read(path, options);

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) => ExamFiles.Score(question, response);
}
