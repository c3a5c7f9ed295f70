using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>
/// MMCU (Zeng, 2023): Chinese exams in medicine, psychology, law and education; questions may have several correct options.
/// </summary>
internal sealed class Mmcu : IBenchmark
{
    private const string Order = "请阅读以下选择题并给出正确选项，不要解释原因。",
        Mark = "正确答案的序号是：";

    public BenchmarkDescription About { get; } = new("mmcu", "MMCU", "Felixgithub2017/MMCU")
    {
        Data = "records of 类别, 题目, 选项 and 答案 (JSON, JSON lines or CSV), or a folder of such files; published in "
            + "an archive at github.com/Felixgithub2017/MMCU",
        Prompt = $"{Order}, the question, its options, {Mark}",
        Extraction = "the first run of one to four distinct letters A to D",
        Metric = "equality of the letter sets",
        MeanOfCategories = true,
        MaxNewTokens = 64,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options) =>
        PublishedFile.In(path, ".json", ".jsonl", ".csv").SelectMany(file => PublishedFile.Records(file).Select(record =>
        {
            var category = record.Find("类别", "C", "category") ?? PublishedFile.Stem(file);
            var choices = record.Find("选项", "O") ?? string.Join('\n',
                "ABCD".Select(l => (Letter: l, Text: record.Find($"{l}", $"选项{l}"))).Where(o => o.Text is not null)
                .Select(o => $"{o.Letter}. {o.Text}"));
            return new BenchmarkQuestion($"{PublishedFile.Stem(file)}/{record.Id}", category,
                $"{Order}\n{record.Text("题目", "Q", "question")}\n{choices}\n{Mark}{options.Trigger}")
            {
                References = [AnswerRules.LetterSet(record.Text("答案", "A", "answer"))
                    ?? throw record.Bad("the answer contains no letter A to D")],
            };
        }));

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var letters = AnswerRules.LetterSet(response.Text);
        return QuestionScore.Of(letters is not null && letters == question.References[0], letters);
    }
}
