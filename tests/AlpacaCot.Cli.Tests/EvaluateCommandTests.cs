using System.Text.Json;

namespace AlpacaCot.Cli.Tests;

public sealed class EvaluateCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_model_is_scored_by_category_with_intervals_and_its_answers_again_without_it()
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        var data = _folder.Write("mine.jsonl", """
            {"prompt":"Say the number 1.","reference":"1","category":"numbers"}
            {"prompt":"Say the number 2.","reference":"2","category":"numbers"}
            {"prompt":"Say the name of the colour.","reference":"blue","category":"words"}
            """);
        string[] line = ["evaluate", "--model", model, "--benchmark", "file", "--data", data, "--max-new-tokens", "4",
            "--cache", _folder.File("cache"), "--out", _folder.File("answers.jsonl"), "--json"];
        var first = (await CommandLine.Run(line)).Json();
        Assert.Equal((3, 0), (first.GetProperty("questions").GetInt32(), first.GetProperty("missing").GetInt32()));
        Assert.Equal(["numbers", "words"], first.GetProperty("categories").EnumerateArray()
            .Select(c => c.GetProperty("category").GetString()));
        Assert.All(first.GetProperty("categories").EnumerateArray(), c =>
            Assert.Equal(2, c.GetProperty("interval").GetArrayLength()));
        Assert.True(first.GetProperty("measures").TryGetProperty("rouge_l", out _));

        var again = (await CommandLine.Run(line)).Json();
        Assert.Equal(3, again.GetProperty("reused").GetInt32());
        var coded = (await CommandLine.Run([.. line, "--quantization", "nf4"])).Json();
        Assert.Equal(0, coded.GetProperty("reused").GetInt32()); // its answers are another model's

        // One answer is corrected by hand; the file is scored as it is.
        var answers = File.ReadAllLines(_folder.File("answers.jsonl"));
        using (var second = JsonDocument.Parse(answers[1]))
            answers[1] = answers[1].Replace($"\"texts\":{second.RootElement.GetProperty("texts").GetRawText()}",
                "\"texts\":[\"The answer is 2.\"]", StringComparison.Ordinal);
        File.WriteAllLines(_folder.File("answers.jsonl"), answers);
        var scored = (await CommandLine.Run("evaluate", "--generations", _folder.File("answers.jsonl"), "--json")).Json();
        Assert.Equal(first.GetProperty("score").GetDouble() + 100 / 3.0, scored.GetProperty("score").GetDouble(), 9);
        var screen = await CommandLine.Run("evaluate", "--generations", _folder.File("answers.jsonl"));
        Assert.Contains("all questions", screen.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Choices_are_compared_by_likelihood()
    {
        var model = new TinyModel().WriteFolder(_folder.File("model"));
        var data = _folder.Write("boolq.jsonl", """
            {"question":"is the day below","passage":"The day is below the colour.","answer":true}
            {"question":"is the name the number","passage":"The name is the colour.","answer":false}
            """);
        var score = (await CommandLine.Run("evaluate", "--model", model, "--benchmark", "boolq", "--data", data,
            "--cache", _folder.File("cache"), "--json")).Json();
        Assert.Equal(score.GetProperty("score").GetDouble() / 100, score.GetProperty("measures").GetProperty("acc").GetDouble());
        Assert.Equal(2, score.GetProperty("questions").GetInt32());
    }

    [Fact]
    public async Task Prompts_are_shown_exactly_and_benchmarks_are_listed()
    {
        var data = _folder.Write("q.jsonl", """{"question":"How many?","answer":"2 + 2 = 4\n#### 4"}""");
        var shown = (await CommandLine.Run("evaluate", "--benchmark", "gsm8k", "--data", data, "--template", "alpaca",
            "--trigger", " 先思考，再决定", "--show-prompts", "--json")).Json().GetProperty("prompts")[0];
        Assert.Equal("Below is an instruction that describes a task. "
            + "Write a response that appropriately completes the request.\n\n"
            + "### Instruction:\nHow many? 先思考，再决定\n\n### Response:", shown.GetProperty("prompt").GetString());
        Assert.Equal("4", shown.GetProperty("references")[0].GetString());
        var list = (await CommandLine.Run("evaluate", "--list", "--json")).Json().GetProperty("benchmarks");
        Assert.True(list.GetArrayLength() >= 20);
        Assert.All(list.EnumerateArray(), b => Assert.False(string.IsNullOrEmpty(b.GetProperty("metric").GetString())));
    }

    [Fact]
    public async Task What_cannot_be_evaluated_is_refused()
    {
        (await CommandLine.Run("evaluate")).Refused("--benchmark", "--list");
        (await CommandLine.Run("evaluate", "--benchmark", "mmmlu")).Refused("mmlu");
        (await CommandLine.Run("evaluate", "--benchmark", "gsm8k")).Refused("--data PATH", "test.jsonl");
        (await CommandLine.Run("evaluate", "--benchmark", "gsm8k", "--data", _folder.File("none")))
            .Refused("file or folder not found");
        var broken = _folder.Write("broken.jsonl", """{"question":"How many?","answer":"4"}""");
        (await CommandLine.Run("evaluate", "--benchmark", "gsm8k", "--data", broken, "--show-prompts"))
            .Refused("record 1", "####");
        (await CommandLine.Run("evaluate", "--generations", broken)).Refused("record 1", "benchmark");
        (await CommandLine.Run("evaluate", "--generations", broken, "--model", "m")).Refused("leave out --model");
        var answers = _folder.Write("a.jsonl",
            """{"benchmark":"gsm8k","id":"1","category":"c","prompt":"?","references":["4"],"texts":["4"]}""");
        (await CommandLine.Run("evaluate", "--generations", answers, "--judge", "http://localhost:1/v1", "--judge-model", "m",
            "--cache", _folder.File("cache"))).Refused("does not use a judge");
        (await CommandLine.Run("evaluate", "--generations", answers, "--benchmark", "mmlu")).Refused("contains answers to gsm8k");
    }
}
