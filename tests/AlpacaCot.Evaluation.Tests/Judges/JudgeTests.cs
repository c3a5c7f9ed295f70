using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Judges;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Tests.Judges;

/// <summary>A judge behind an endpoint that is slow, wrong, busy or down: no score is ever made up.</summary>
public sealed class JudgeTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Grades_are_read_kept_and_paid_for()
    {
        using var server = new ChatServer((message, _) => ChatServer.Says($"Good enough. [[{Number(message) % 11 / 10.0}]]"));
        var first = await Grade(server, 12);
        Assert.Equal(Enumerable.Range(0, 12).Select(i => (double?)(i % 11 / 10.0)), first.Run.Answers.Select(a => a.Score.Value));
        Assert.Equal((12, 0, 1200, 240), ((int)first.Cost.Requests, (int)first.Cost.Kept, (int)first.Cost.InputTokens,
            (int)first.Cost.OutputTokens));
        Assert.Equal(1200e-6 * 2 + 240e-6 * 8, first.Cost.Price, 12);
        Assert.Equal("Bearer secret", server.Authorization);
        var again = await Grade(server, 12);
        Assert.Equal((0, 12), ((int)again.Cost.Requests, (int)again.Cost.Kept));
        Assert.Equal(first.Run.Scores, again.Run.Scores);
        Assert.Equal(12, server.Requests);
    }

    [Fact]
    public async Task Replies_without_a_usable_number_are_asked_for_again_and_then_missing()
    {
        using var server = new ChatServer((message, times) => ChatServer.Says((Number(message) ?? -1) switch
        {
            0 => "I would rather not say.",
            1 => "[[11]]",
            2 => "[[0.4]] or rather [[0.6]]",
            3 => "Score: 7 of 10", // outside 0 to 1
            4 => times > 0 ? "It is fine." : "",
            -1 => "hm", // asked for the number alone
            _ => "得分：0.5",
        }));
        var (run, _) = await Grade(server, 8);
        Assert.Equal([null, null, null, null, null, 0.5, 0.5, 0.5], run.Answers.Select(a => a.Score.Value));
        Assert.All(run.Answers.Take(5), a => Assert.Contains("reply has", a.Score.Missing, StringComparison.Ordinal));
        var all = run.Summary();
        Assert.Equal((3, 5, 0.5), (all.Questions, all.Missing, all.Mean));
    }

    [Fact]
    public async Task A_second_question_may_bring_the_number()
    {
        using var server = new ChatServer((message, _) => ChatServer.Says(message.StartsWith("Give the grade alone",
            StringComparison.Ordinal)
            ? "[[0.9]]" : "Very good!"));
        var (run, cost) = await Grade(server, 3);
        Assert.Equal(0.9, run.Headline!.Value, 12);
        Assert.Equal(6, cost.Requests);
    }

    [Fact]
    public async Task A_busy_server_is_waited_for_as_long_as_it_says()
    {
        using var server = new ChatServer((_, times) => times switch
        {
            1 => new(429, "slow down") { RetryAfter = "0" },
            2 => new(503, "overloaded"),
            3 => new(200, "<html>not json"),
            _ => ChatServer.Says("[[1]]"),
        });
        var (run, cost) = await Grade(server, 6);
        Assert.Equal(6, run.Summary().Questions);
        Assert.Equal(24, cost.Requests);
    }

    [Fact]
    public async Task A_verdict_that_takes_too_long_is_missing_and_the_others_count()
    {
        using var server = new ChatServer((message, _) =>
            ChatServer.Says("[[1]]") with { Delay = TimeSpan.FromSeconds(Number(message) == 4 ? 3 : 0) });
        var (run, _) = await Grade(server, 8, patience: TimeSpan.FromSeconds(0.7), attempts: 2);
        Assert.Equal((7, 1), (run.Summary().Questions, run.Summary().Missing));
        Assert.Contains("no answer within", run.Answers[4].Score.Missing, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_goes_down_stops_the_run_which_goes_on_from_there()
    {
        var down = false;
        using (var server = new ChatServer((message, _) =>
        {
            if (Number(message) >= 7) down = true;
            return down ? new(500, "out of order") : ChatServer.Says("[[0.5]]");
        }))
        {
            var stopped = await Assert.ThrowsAsync<JudgeUnavailableException>(() => Grade(server, 20, parallel: 1));
            Assert.Contains("500", stopped.Message, StringComparison.Ordinal);
            Assert.Contains("of 20 answers are graded and stored", stopped.Message, StringComparison.Ordinal);
        }
        using var repaired = new ChatServer((_, _) => ChatServer.Says("[[0.5]]"));
        var (run, cost) = await Grade(repaired, 20);
        Assert.Equal(20, run.Summary().Questions);
        Assert.Equal((13, 7), ((int)cost.Requests, (int)cost.Kept));
    }

    [Theory]
    [InlineData(401)]
    [InlineData(404)]
    public async Task A_refusal_that_will_not_pass_is_not_asked_again(int status)
    {
        using var server = new ChatServer((_, _) => new(status, "no"));
        var stopped = await Assert.ThrowsAsync<JudgeUnavailableException>(() => Grade(server, 5, parallel: 1));
        Assert.Contains($"{status}", stopped.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Requests);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(413)]
    public async Task A_request_that_is_refused_for_itself_is_missing_and_the_others_count(int status)
    {
        using var server = new ChatServer((message, _) =>
            Number(message) is >= 3 and < 9 ? new(status, "too long") : ChatServer.Says("[[0.5]]"));
        var (run, cost) = await Grade(server, 20, parallel: 1);
        Assert.Equal(14, run.Summary().Questions);
        Assert.All(run.Answers.Where(a => a.Score.Value is null), a =>
            Assert.Contains("too long", a.Score.Missing, StringComparison.Ordinal));
        Assert.Equal(20, cost.Requests); // none twice
    }

    [Theory]
    [InlineData("/v1", "/v1/chat/completions")]
    [InlineData("/v1/", "/v1/chat/completions")]
    [InlineData("", "/chat/completions")]
    public async Task The_request_is_the_one_that_every_server_knows(string path, string expected)
    {
        using var server = new ChatServer((_, _) => ChatServer.Says("[[1]]"));
        using var client = new OpenAiChatClient(new Uri(server.Address.GetLeftPart(UriPartial.Authority) + path), "judge");
        var response = await client.GetResponseAsync([new(ChatRole.System, "Be fair."), new(ChatRole.User, "中文?")],
            new() { Temperature = 0, MaxOutputTokens = 77 }, Cancel);
        Assert.Equal(("[[1]]", 100L, 20L),
            (response.Text, response.Usage!.InputTokenCount!.Value, response.Usage.OutputTokenCount!.Value));
        Assert.Equal(expected, server.Request.Path);
        Assert.Null(server.Authorization);   // without a key
        using var json = JsonDocument.Parse(server.Request.Body);
        var request = json.RootElement;
        Assert.Equal(["max_tokens", "messages", "model", "temperature"],
            request.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal));
        Assert.Equal((77, 0, "judge"), (request.GetProperty("max_tokens").GetInt32(),
            request.GetProperty("temperature").GetInt32(), request.GetProperty("model").GetString()));
        Assert.Equal(["system: Be fair.", "user: 中文?"], request.GetProperty("messages").EnumerateArray()
            .Select(message => $"{message.GetProperty("role").GetString()}: {message.GetProperty("content").GetString()}"));
    }

    [Fact]
    public async Task A_judge_that_is_stopped_stops_at_once()
    {
        using var server = new ChatServer((_, _) => ChatServer.Says("[[1]]") with { Delay = TimeSpan.FromSeconds(30) });
        using var client = new OpenAiChatClient(server.Address, "judge");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        stop.CancelAfter(TimeSpan.FromSeconds(0.2));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            client.GetResponseAsync([new(ChatRole.User, "?")], cancellationToken: stop.Token));
    }

    [Fact]
    public async Task Nobody_at_the_address_is_said_at_once()
    {
        Uri address;
        using (var server = new ChatServer((_, _) => ChatServer.Says(""))) address = server.Address;
        using var client = new OpenAiChatClient(address, "judge");
        var judge = new Judge(client, "judge") { FirstWait = TimeSpan.Zero, Attempts = 2 };
        var stopped = await Assert.ThrowsAsync<JudgeUnavailableException>(() =>
            judge.GradeAsync((IJudgedBenchmark)BenchmarkSuite.Find("belle-eval"), Run(5), new JudgePrompts(), cancel: Cancel));
        Assert.Contains("cannot be reached", stopped.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pair_is_compared_in_both_orders_and_a_judge_that_likes_places_decides_nothing()
    {
        // Likes the longer answer of question 0 and 1, always the first place in question 2.
        using var server = new ChatServer((message, _) =>
        {
            if (message.Contains("question 2", StringComparison.Ordinal)) return ChatServer.Says("[[A]]");
            var a = Regex.Match(message, @"assistant A\]\n(.*)").Groups[1].Value;
            var b = Regex.Match(message, @"assistant B\]\n(.*)").Groups[1].Value;
            return ChatServer.Says(a.Length > b.Length ? "Longer. [[A]]" : "Longer. [[B]]");
        });
        var benchmark = (IJudgedBenchmark)BenchmarkSuite.Find("alpaca-eval");
        string[] answers = ["a very long answer", "no", "a very long answer"];
        var run = BenchmarkRunner.Score(benchmark, "m",
            [.. answers.Select((_, i) => new BenchmarkQuestion($"{i}", "all", $"question {i}") { References = ["middling"] })],
            [.. answers.Select(a => new BenchmarkResponse(a))]);
        using var client = new OpenAiChatClient(server.Address, "judge");
        var graded = await new Judge(client, "judge").GradeAsync(benchmark, run, new JudgePrompts(), cancel: Cancel);
        Assert.Equal([1, 0, 0.5], graded.Answers.Select(a => a.Score.Value!.Value));
        Assert.Equal(2 / 3.0, graded.Summary().Measures["both_orders_agree"], 12);
        Assert.Equal(6, server.Requests);
    }

    [Fact]
    public void Agreement_with_people_is_counted_beyond_chance()
    {
        // 2 x 2 of Cohen's kind: 20 both yes, 15 both no, 5 and 10 apart: 0.7 equal, chance 0.5, kappa 0.4.
        var pairs = Enumerable.Repeat((1.0, 1.0), 20).Concat(Enumerable.Repeat((0.0, 0.0), 15))
            .Concat(Enumerable.Repeat((1.0, 0.0), 5)).Concat(Enumerable.Repeat((0.0, 1.0), 10)).ToList();
        var agreement = JudgeAgreement.Of(pairs);
        Assert.Equal(0.7, agreement.Same, 12);
        Assert.Equal(0.4, agreement.Kappa!.Value, 12);
        Assert.Equal(1, JudgeAgreement.Of([(1, 10), (2, 20), (3, 31)]).Correlation!.Value, 12);
        Assert.Null(JudgeAgreement.Of([(1, 1), (1, 2)]).Correlation);

        var run = Run(3);
        run = run with { Answers = [.. run.Answers.Select((a, i) => a with { Score = new(i / 2.0) })] };
        File.WriteAllText(_folder.File("people.csv"), "id,grade\n00,0\n01,40\n02,100\nother,5\n");
        Assert.Equal((3, 2 / 3.0), (JudgeAgreement.Of(run, _folder.File("people.csv")).Answers,
            JudgeAgreement.Of(run, _folder.File("people.csv")).Same));
    }

    private static int? Number(string message) =>
        Regex.Match(message, @"问题(\d+)号") is { Success: true } match ? int.Parse(match.Groups[1].Value) : null;

    private static BenchmarkRun Run(int count) => BenchmarkRunner.Score(BenchmarkSuite.Find("belle-eval"), "m",
        [.. Enumerable.Range(0, count)
            .Select(i => new BenchmarkQuestion($"{i:D2}", "math", $"问题{i}号") { References = ["好"] })],
        [.. Enumerable.Range(0, count).Select(i => new BenchmarkResponse($"回答{i}"))]);

    private async Task<(BenchmarkRun Run, JudgeCost Cost)> Grade(ChatServer server, int count, TimeSpan? patience = null,
        int attempts = 5, int parallel = 4)
    {
        using var store = ResponseStore.Open(_folder.File("verdicts.jsonl"));
        using var client = new OpenAiChatClient(server.Address, "judge", "secret", patience ?? Patience);
        var judge = new Judge(client, "judge", store)
        {
            FirstWait = TimeSpan.FromMilliseconds(1), Attempts = attempts, Parallel = parallel, Price = (2, 8),
        };
        var run = await judge.GradeAsync((IJudgedBenchmark)BenchmarkSuite.Find("belle-eval"), Run(count), new JudgePrompts(),
            cancel: Cancel);
        return (run, judge.Cost);
    }
}
