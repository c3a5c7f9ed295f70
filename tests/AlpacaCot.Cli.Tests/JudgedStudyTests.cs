using System.Collections.Concurrent;
using System.Text.Json;
using AlpacaCot.Cli.CommandLine;
using AlpacaCot.Evaluation.Tests.Judges;

namespace AlpacaCot.Cli.Tests;

/// <summary>A study whose answers a judge grades, with an endpoint that is busy, vague and gone in the middle.</summary>
public sealed class JudgedStudyTests : IDisposable
{
    private const int Questions = 6;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Verdicts_are_kept_and_what_is_missing_is_counted()
    {
        new TinyModel().WriteFolder(_folder.File("model"));
        _folder.Write("questions.jsonl", string.Join('\n', Enumerable.Range(1, Questions).Select(i =>
            JsonSerializer.Serialize(new { question_id = i, category = "generic", text = $"What is the day {i}?" }))));
        var grades = new ConcurrentDictionary<string, int>();
        var (accepted, most) = (0, 5);
        using var server = new ChatServer((message, times) =>
            message.Contains("day 3?", StringComparison.Ordinal) || message.StartsWith("Give the grade", StringComparison.Ordinal)
                ? ChatServer.Says("Hard to say.")
                : times == 1 ? new(429, "busy") { RetryAfter = "0" }
                : !grades.ContainsKey(message) && Interlocked.Increment(ref accepted) > most ? new(401, "no such key")
                : ChatServer.Says($"[[{grades.GetOrAdd(message, m => 1 + m.Length % 7)}]]"));
        var study = _folder.Write("study.yaml", $$"""
            recipe: { model: model, template: plain, data: [questions.jsonl] }
            factors: { question: [{ name: plain, train: false }, { name: why, train: false, trigger: " Why?" }] }
            benchmarks: [{ name: vicuna, path: questions.jsonl, max_new_tokens: 4 }]
            judge: { endpoint: "{{server.Address}}", model: grader, price: [1, 2], parallel: 2 }
            threads: 1
            output: {{_folder.File("out")}}
            """);

        var cut = await CommandLine.Run("study", study, "--json");
        Assert.Equal(ExitCode.Failed, cut.Code);
        Assert.Contains("no such key", cut.Error, StringComparison.Ordinal);
        Assert.Contains("repeat the command to continue", cut.Error, StringComparison.Ordinal);
        Assert.Contains("are not counted", await Report(), StringComparison.Ordinal);

        (most, var before) = (int.MaxValue, grades.Count);
        Assert.InRange(before, 1, 5);
        var whole = (await CommandLine.Run("study", study, "--json")).Json();
        Assert.Equal(before, whole.GetProperty("judge").GetProperty("kept").GetInt32());
        Assert.Equal(2 * (Questions - 1), grades.Count);
        foreach (var missing in whole.GetProperty("missing").EnumerateArray())
        {
            Assert.Equal((1, Questions), (missing.GetProperty("missing").GetInt32(), missing.GetProperty("answers").GetInt32()));
            Assert.Equal("the judge's reply has no number", missing.GetProperty("because")[0].GetString());
        }
        foreach (var arm in (string[])["plain", "why"])
        {
            var score = whole.GetProperty("scores").EnumerateArray().Single(s => s.GetProperty("arm").GetString() == arm);
            var own = grades.Where(g => g.Key.Contains(" Why?", StringComparison.Ordinal) == (arm == "why")).ToList();
            Assert.Equal(Questions - 1, score.GetProperty("questions").GetInt32());
            Assert.Equal(own.Average(g => g.Value), score.GetProperty("mean").GetDouble(), 3);
            Assert.InRange(score.GetProperty("low").GetDouble(), 1, own.Average(g => g.Value));
        }
        Assert.Contains("grader at", await Report(), StringComparison.Ordinal);
        Assert.Contains("With why instead of plain", await Report(), StringComparison.Ordinal); // neither trains

        server.Dispose(); // a report asks nobody
        var again = (await CommandLine.Run("study", study, "--report", "--json")).Json();
        Assert.Equal(whole.GetProperty("scores").GetRawText(), again.GetProperty("scores").GetRawText());
        Assert.Equal(whole.GetProperty("missing").GetRawText(), again.GetProperty("missing").GetRawText());
    }

    [Theory]
    [InlineData("{ endpoint: \"http://localhost:1/v1\" }", "add model: NAME")]
    [InlineData("{ model: grader }", "an endpoint or a folder")]
    [InlineData("{ endpoint: localhost, model: m }", "judge.endpoint", "http://localhost:8000/v1")]
    [InlineData("{ folder: nowhere }", "nowhere does not exist")]
    [InlineData("{ folder: ., price: 3 }", "judge.price", "[0.15, 0.6]")]
    public async Task A_judge_that_cannot_be_is_refused(string judge, params string[] said)
    {
        new TinyModel().WriteFolder(_folder.File("model"));
        _folder.Write("questions.jsonl", """{"question_id":1,"category":"c","text":"?"}""");
        (await CommandLine.Run("study", _folder.Write("study.yaml", $$"""
            recipe: { model: model, data: [questions.jsonl] }
            factors: { adapter.rank: [2, 4] }
            benchmarks: [{ name: vicuna, path: questions.jsonl }]
            judge: {{judge}}
            output: out
            """))).Refused(said);
    }

    private Task<string> Report() => File.ReadAllTextAsync(Path.Combine(_folder.File("out"), "report", "report.html"));
}
