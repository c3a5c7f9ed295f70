using System.Text.Json;
using AlpacaCot.Cli.Output;
using AlpacaCot.Cli.Screens;
using AlpacaCot.Evaluation.Benchmarks;

namespace AlpacaCot.Cli.Tests;

public sealed class QuickstartTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Json_reports_the_percentages_and_the_run_folder_holds_everything()
    {
        NeedsSamples();
        var run = _folder.File("run");
        string[] line = ["quickstart", "--steps", "1", "--limit", "6", "--out", run, "--json"];
        var outcome = await CommandLine.Run(line);
        var json = outcome.Json();
        Assert.Equal(["before", "after", "run", "seconds"], json.EnumerateObject().Select(p => p.Name));
        foreach (var side in (string[])["before", "after"])
        {
            var percentages = json.GetProperty(side).EnumerateObject().ToList();
            Assert.Equal(["english", "chinese", "reasoning", "all"], percentages.Select(p => p.Name));
            Assert.All(percentages, p => Assert.InRange(p.Value.GetDouble(), 0, 100));
        }
        Assert.Equal(run, json.GetProperty("run").GetString());
        Assert.Contains("alpaca-cot chat --model", outcome.Error, StringComparison.Ordinal);

        foreach (var file in (string[])["recipe.yaml", "metrics.jsonl", "loss.png", "adapter/adapter_model.safetensors"])
            Assert.True(File.Exists(Path.Combine(run, file)), file);
        foreach (var file in (string[])["answers-before.jsonl", "answers-after.jsonl"])
        {
            var lines = File.ReadAllLines(Path.Combine(run, file));
            var answers = lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToList();
            Assert.Equal(6, answers.Count);
            Assert.Equal(2, answers.Count(a => a.GetProperty("category").GetString() == "reasoning"));
        }

        File.WriteAllText(Path.Combine(run, "left-over"), "");
        var again = (await CommandLine.Run(line)).Json();
        Assert.Equal(json.GetProperty("before").ToString(), again.GetProperty("before").ToString());
        Assert.Equal(json.GetProperty("after").ToString(), again.GetProperty("after").ToString());
        Assert.False(File.Exists(Path.Combine(run, "left-over"))); // the first run is replaced
    }

    [Fact]
    public async Task A_folder_with_something_else_in_it_is_left_alone()
    {
        NeedsSamples();
        var file = _folder.Write("metrics.jsonl", "precious");
        (await CommandLine.Run("quickstart", "--out", _folder.Path)).Refused(_folder.Path, "--out");
        (await CommandLine.Run("quickstart", "--out", file)).Refused(file, "is a file");
        Assert.Equal("precious", File.ReadAllText(file));
    }

    [Fact]
    public async Task A_limit_too_small_for_every_kind_of_question_is_refused() =>
        (await CommandLine.Run("quickstart", "--limit", "2")).Refused("--limit: found 2", "from 3");

    [Fact]
    public void The_comparison_shows_gains_in_points_and_the_first_two_answers_of_each_kind()
    {
        HeldOutQuestion[] questions = [.. QuickstartScreen.Categories.SelectMany(c => Enumerable.Range(1, 4)
            .Select(i => new HeldOutQuestion(c, $"{c} question {i}", i == 2 ? "red, [blue]" : "", $"right {i}")))];
        var before = HeldOutEvaluation.Judge(questions,
            [.. questions.Select((_, i) => i == 0 ? "right 1" : "\u001b[31m[bold]wrong\nline")]);
        var after = HeldOutEvaluation.Judge(questions,
            [.. questions.Select(q => q.Category == "chinese" ? "" : q.Reference)]);
        var output = new StringWriter();
        var screen = new QuickstartScreen(Terminal.Captured(output, TextWriter.Null).Console, live: false);
        screen.Compare(before, after);
        screen.ShowSamples(before, after);
        var rows = output.ToString().Split('\n')
            .Select(line => string.Join(' ', line.Split(['│', ' '], StringSplitOptions.RemoveEmptyEntries))).ToList();
        Assert.Contains("English 4 25.0 % 100.0 % +75.0 points", rows);
        Assert.Contains("Chinese 4 0.0 % 0.0 % 0.0 points", rows);
        Assert.Contains("all 12 8.3 % 66.7 % +58.3 points", rows);
        Assert.Equal(6, rows.Count(r => r.Contains(" question ", StringComparison.Ordinal)));
        Assert.Contains("chinese question 1 ✗ [31m[bold]wrong line ✗ (nothing) right 1", rows);
        Assert.DoesNotContain('\u001b', output.ToString());
    }

    private static void NeedsSamples() =>
        Assert.SkipUnless(File.Exists(Path.Combine(AppContext.BaseDirectory, "samples", "base", "config.json")),
            "needs samples/base, which samples/make.sh makes");
}
