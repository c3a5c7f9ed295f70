namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>CMMLU (Li et al., 2023): Chinese exams in 67 subjects.</summary>
internal sealed class Cmmlu : IBenchmark
{
    private static readonly ExamFiles Files = new(
        subject => $"以下是关于{ChineseSubjects.Name(subject)}的单项选择题，"
            + "请直接给出正确答案的选项。\n\n", "题目：", "\n答案是：", "", "test");

    public BenchmarkDescription About { get; } = new("cmmlu", "CMMLU", "haonan-li/CMMLU")
    {
        Data = "the folder with test/ and dev/, one CSV file per subject; or one file of it",
        Address = "https://github.com/haonan-li/CMMLU/tree/master/data",
        Prompt = "the publisher's: a heading with the subject in Chinese, 题目, options A. to D., 答案是：",
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
