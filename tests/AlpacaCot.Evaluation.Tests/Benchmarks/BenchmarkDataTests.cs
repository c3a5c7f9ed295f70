using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;
using Parquet.Serialization;

namespace AlpacaCot.Evaluation.Tests.Benchmarks;

public sealed class BenchmarkDataTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_name_means_a_file_of_the_data_folder_or_what_was_downloaded()
    {
        var mine = Written("data/mine.jsonl", "{}");
        Assert.Equal(mine, Find("file", "mine").Path);
        Assert.Equal(mine, Find("file", mine).Path);

        var tests = Downloaded("openai/grade-school-math", "master", "grade_school_math/data/test.jsonl");
        Assert.Equal(tests, Find("gsm8k", null).Path);
        Assert.Equal(tests, Find("file", "GSM8K").Path); // as a benchmark, not what is for training
        var task = Downloaded("suzgunmirac/BIG-Bench-Hard", "HEAD", "bbh/boolean_expressions.json");
        Assert.Equal(task, Path.Combine(Find("bbh", null).Path, "bbh", "boolean_expressions.json"));
        var own = Written("data/gsm8k/test.jsonl", "{}"); // before a download
        Assert.Equal(Path.GetDirectoryName(own), Find("gsm8k", null).Path);
    }

    [Fact]
    public void A_set_of_the_collection_is_read_as_its_authors_publish_it()
    {
        Written("data/dolly.jsonl",
            """{"instruction":"Name a colour.","context":"Red or blue.","response":"Red","category":"closed_qa"}""");
        var data = Find("file", "databricks-dolly-15k");
        Assert.Equal("dolly", data.Set?.Entry.Name);
        var question = Assert.Single(BenchmarkSuite.Read(BenchmarkSuite.Find("file"), data.Path, new() { Set = data.Set }));
        Assert.Equal(("Name a colour.", "Red or blue.", "Red", "dolly"),
            (question.Prompt, question.Input, question.References[0], question.Category));
        var scored = BenchmarkSuite.Read(BenchmarkSuite.Find("perplexity"), data.Path, new() { Set = data.Set });
        Assert.Equal("Red", scored[0].Choices[0]);
    }

    [Theory]
    [InlineData("bbh", null, "Get it with: alpaca-cot data download bbh;", "cot-prompts")]
    [InlineData("gsm8k", null, "alpaca-cot data download https://github.com/openai/grade-school-math/", "####")]
    [InlineData("cot", null, "Pass it with --data PATH", "held out from training")]
    [InlineData("file", "dolly", "Get it with: alpaca-cot data download dolly")]
    [InlineData("mmlu", "mmmlu", "Did you mean mmlu?")]
    [InlineData("mmlu", "nothing/here", "file or folder not found")]
    public void What_is_not_here_is_said_with_what_to_type(string benchmark, string? given, params string[] said)
    {
        var refused = Assert.Throws<InputException>(() => Find(benchmark, given));
        Assert.All(said, part => Assert.Contains(part, refused.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_address_can_be_downloaded() =>
        Assert.All(BenchmarkSuite.All.Select(b => b.About.Address).OfType<string>(), address =>
            Assert.NotNull(Data.Download.RepositoryPart.TryParse(address)));

    [Fact]
    public async Task Exams_are_read_from_the_tables_of_the_hub()
    {
        Directory.CreateDirectory(_folder.File("mmlu"));
        await Write("mmlu/test-00000-of-00001.parquet", [new("anatomy", 2), new("virology", 0), new("virology", 1)]);
        await Write("mmlu/dev-00000-of-00001.parquet", [new("virology", 3), new("anatomy", 1), new("anatomy", 0)]);
        var questions = BenchmarkSuite.Read(BenchmarkSuite.Find("mmlu"), _folder.File("mmlu"), new());
        Assert.Equal(["anatomy/00001", "virology/00001", "virology/00002"], questions.Select(q => q.Id));
        Assert.Equal([" C", " A", " B"], questions.Select(q => q.References[0]));
        Assert.Equal("""
            The following are multiple choice questions (with answers) about  anatomy.

            anatomy 1?
            A. w
            B. x
            C. y
            D. z
            Answer: B

            anatomy 0?
            A. w
            B. x
            C. y
            D. z
            Answer: A

            anatomy 2?
            A. w
            B. x
            C. y
            D. z
            Answer:
            """.ReplaceLineEndings("\n"), questions[0].Prompt);

        async Task Write(string name, IReadOnlyList<Exam> rows) => await ParquetSerializer.SerializeAsync(rows,
            _folder.File(name), cancellationToken: TestContext.Current.CancellationToken);
    }

    private BenchmarkData Find(string benchmark, string? given) => BenchmarkData.Find(BenchmarkSuite.Find(benchmark).About, given,
        [_folder.File("data")], _folder.File("cache"));

    private string Downloaded(string repository, string branch, string path)
    {
        var (root, commit) = ($"cache/github--{repository.Replace("/", "--", StringComparison.Ordinal)}", new string('a', 40));
        Written($"{root}/refs/{branch}", commit);
        return Written($"{root}/snapshots/{commit}/{path}", "{}");
    }

    private string Written(string name, string text)
    {
        var path = _folder.File(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private sealed class Exam(string subject, long answer)
    {
        public string question { get; set; } = $"{subject} {answer}?";
        public string subject { get; set; } = subject;
        public List<string> choices { get; set; } = ["w", "x", "y", "z"];
        public long answer { get; set; } = answer;
    }
}
