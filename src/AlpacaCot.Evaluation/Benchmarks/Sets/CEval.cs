namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>C-Eval (Huang et al., 2023): Chinese exams in 52 subjects.</summary>
internal sealed class CEval : IBenchmark
{
    private static readonly ExamFiles Files = new(
        subject => $"以下是中国关于{ChineseSubjects.Name(subject)}考试的单项选择题，"
            + "请选出其中的正确答案。\n\n", "", "\n答案：", "", "val");

    public BenchmarkDescription About { get; } = new("ceval", "C-Eval", "hkust-nlp/ceval")
    {
        Data = "the folder with val/ and dev/, one CSV file per subject (test files have no answers); or one file of it; or the "
            + "hub's val-*.parquet and dev-*.parquet, one folder per subject",
        Address = "https://huggingface.co/datasets/ceval/ceval-exam",
        Prompt = "the publisher's: a heading with the subject in Chinese, the question with options A. to D., 答案：",
        Shots = "5 from dev/",
        Answering = "log-likelihood of A to D (--generate: greedy decoding)",
        Extraction = "the most probable letter; when generating, the letter after 答案是 or 选, or first, or alone",
        Metric = "accuracy",
        MeanOfCategories = true,
        MaxNewTokens = 16,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) => Files.Read(path, options);

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response) => ExamFiles.Score(question, response);
}
