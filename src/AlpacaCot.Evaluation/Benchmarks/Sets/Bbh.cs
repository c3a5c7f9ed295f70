using System.Text.RegularExpressions;
using AlpacaCot.Evaluation.Metrics;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks.Sets;

/// <summary>BIG-Bench Hard (Suzgun et al., 2022): 27 tasks that require multi-step reasoning.</summary>
internal sealed partial class Bbh : IBenchmark
{
    private const string Trigger = " Let's think step by step.";

    public BenchmarkDescription About { get; } = new("bbh", "BIG-Bench Hard", "suzgunmirac/BIG-Bench-Hard")
    {
        Data = "the folder with one JSON file per task, and cot-prompts/ next to it (or bbh/ and cot-prompts/ in it)",
        Address = "https://github.com/suzgunmirac/BIG-Bench-Hard",
        Prompt = "the publisher's solved examples, then \"Q: ...\", \"A: Let's think step by step.\" "
            + "(--trigger \"\": answers only)",
        Shots = "3 from cot-prompts/",
        Extraction = "the text after the last \"the answer is\", without a final period; else the whole answer",
        Metric = "exact match",
        MaxNewTokens = 512,
        MeanOfCategories = true,
    };

    public IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options)
    {
        var tasks = Directory.Exists(Path.Combine(path, "bbh")) ? Path.Combine(path, "bbh") : path;
        foreach (var file in PublishedFile.In(tasks, ".json").Where(f => !Path.GetFileName(f).Contains("code-davinci")))
        {
            var task = PublishedFile.Stem(file);
            var (heading, shots) = Prompt(file, task, options);
            foreach (var record in PublishedFile.Records(file))
                yield return new($"{task}/{record.Id}", task,
                    $"{heading}{string.Concat(shots)}\n\nQ: {record.Text("input")}\nA:{options.Trigger ?? Trigger}")
                {
                    IsCompletion = true, Shots = shots, References = [record.Text("target")], Stop = ["\n\nQ:", "\n\n\n"],
                };
        }
    }

    public QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response)
    {
        var answer = AnswerRules.AfterTheAnswerIs(FirstAnswer.Of(response.Text));
        return QuestionScore.Of(question.References.Contains(answer), answer);
    }

    private static (string Heading, IReadOnlyList<string> Shots) Prompt(string file, string task, BenchmarkOptions options)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(file))!;
        var prompts = new[] { folder, Path.Combine(folder, "..") }.Select(f => Path.Combine(f, "cot-prompts", task + ".txt"));
        var found = prompts.FirstOrDefault(File.Exists)
            ?? throw new InputException($"{file}: the few-shot examples cot-prompts/{task}.txt are missing.");
        var text = PublishedFile.Text(found).ReplaceLineEndings("\n");
        var canary = text.IndexOf("-----\n", StringComparison.Ordinal); // the text starts below it
        if (canary >= 0) text = text[(canary + 6)..];
        var parts = text.Trim().Split("\n\nQ: ");
        return (parts[0], [.. parts[1..].Take(options.Shots ?? 3)
            .Select(shot => "\n\nQ: " + (options.Trigger == "" ? Direct(shot) : shot))]);
    }

    /// <summary>A few-shot example without its reasoning.</summary>
    private static string Direct(string shot) =>
        Reasoning.Match(shot) is { Success: true } match ? $"{shot[..match.Index]}A: {AnswerRules.AfterTheAnswerIs(shot)}" : shot;

    [GeneratedRegex("A: Let's think step by step\\.")]
    private static partial Regex Reasoning { get; }
}
