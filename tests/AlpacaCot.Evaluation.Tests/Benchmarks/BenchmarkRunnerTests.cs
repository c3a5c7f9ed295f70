using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Evaluation.Scoring;
using AlpacaCot.Models;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Tests.Benchmarks;

public sealed class BenchmarkRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_that_was_stopped_goes_on_where_it_was_and_ends_in_the_same_bytes()
    {
        var (benchmark, questions) = Questions(20);
        var whole = new BenchmarkRunner(new Parrot()).Run(benchmark, questions);
        GenerationsFile.Write(_folder.File("whole.jsonl"), whole);

        var stopping = new Parrot { FailAfter = 8 };
        using (var store = ResponseStore.Open(_folder.File("store.jsonl")))
            Assert.Throws<OperationCanceledException>(() =>
                new BenchmarkRunner(stopping, store) { ChunkSize = 4 }.Run(benchmark, questions));
        File.AppendAllText(_folder.File("store.jsonl"), """{"key":"cut in the mid"""); // what a crash leaves

        var again = new Parrot();
        using (var store = ResponseStore.Open(_folder.File("store.jsonl")))
        {
            var runner = new BenchmarkRunner(again, store) { ChunkSize = 4 };
            GenerationsFile.Write(_folder.File("resumed.jsonl"), runner.Run(benchmark, questions));
            Assert.Equal(8, runner.Reused);
        }
        Assert.Equal(12, again.Asked);
        Assert.Equal(File.ReadAllBytes(_folder.File("whole.jsonl")), File.ReadAllBytes(_folder.File("resumed.jsonl")));
    }

    [Fact]
    public void Generations_are_scored_again_without_a_model()
    {
        var (benchmark, questions) = Questions(5);
        var run = new BenchmarkRunner(new Parrot()).Run(benchmark, questions);
        GenerationsFile.Write(_folder.File("run.jsonl"), run);
        var (name, model, read, responses) = GenerationsFile.Read(_folder.File("run.jsonl"));
        var again = BenchmarkRunner.Score(BenchmarkSuite.Find(name), model, read, responses);
        Assert.Equal(run.Scores, again.Scores);
        Assert.Equal(0.6, again.Headline!.Value, 12); // the parrot says 1, 2, 3, ... and each second reference is odd
        GenerationsFile.Write(_folder.File("again.jsonl"), again);
        Assert.Equal(File.ReadAllBytes(_folder.File("run.jsonl")), File.ReadAllBytes(_folder.File("again.jsonl")));
        File.AppendAllText(_folder.File("again.jsonl"), """{"benchmark":"gsm8k"}""");
        Assert.Contains("record 6",
            Assert.Throws<InputException>(() => GenerationsFile.Read(_folder.File("again.jsonl"))).Message);
    }

    [Fact]
    public void Summaries_count_what_is_missing_and_take_it_for_nothing()
    {
        ScoredAnswer Answer(string id, string category, double? value) =>
            new(new(id, category, "?"), new("!"), new(value) { Missing = value is null ? "no number" : null });
        var run = new BenchmarkRun(BenchmarkSuite.Find("gsm8k").About with { MeanOfCategories = true }, "m",
            [Answer("1", "a", 1), Answer("2", "a", 1), Answer("3", "a", 0), Answer("4", "b", 0), Answer("5", "b", null)]);
        Assert.Equal((2.0 / 3, 3, 0), (run.Summary("a").Mean, run.Summary("a").Questions, run.Summary("a").Missing));
        Assert.Equal((0.0, 1, 1), (run.Summary("b").Mean, run.Summary("b").Questions, run.Summary("b").Missing));
        Assert.Equal((0.5, 4, 1), (run.Summary().Mean, run.Summary().Questions, run.Summary().Missing));
        Assert.Equal(1.0 / 3, run.Headline!.Value, 12);
        Assert.True(run.Summary().Interval!.Value.Contains(0.5));
    }

    [Fact]
    public void Likelihoods_of_choices_are_those_of_reading_each_alone()
    {
        var path = new TinyModel().WriteFolder(_folder.File("model"));
        using var model = LanguageModel.Load(path, compute: TestDevice.Compute);
        var answerer = new ModelAnswerer(model, "tiny");
        BenchmarkQuestion[] questions =
        [
            new("1", "c", "The name of the") { IsCompletion = true, Choices = [" day", " colour is below", " number"] },
            new("2", "c", "Say the answer:") { IsCompletion = true, Choices = [" A", " B"] },
            new("3", "c", "Say the number.") { Choices = ["day", "the instruction of the day"] },
        ];
        var likelihoods = answerer.Compare(questions, TestContext.Current.CancellationToken);
        foreach (var (question, choices) in questions.Zip(likelihoods))
            foreach (var (choice, likelihood) in question.Choices.Zip(choices))
            {
                int[] prompt = question.IsCompletion ? [1, .. model.Tokenizer.EncodeSegment(question.Prompt, true)]
                    : model.EncodePrompt(new([new(Text.Conversations.Role.User, question.Prompt)]));
                int[] ids = [.. prompt, .. model.Tokenizer.EncodeSegment(choice, false)];
                if (!model.Tokenizer.AddsBos && question.IsCompletion) ids = ids[1..];
                var score = SequenceScore.Of(model, ids);
                var alone = score.LogProbabilities.TakeLast(likelihood.Tokens).Sum();
                Assert.Equal(alone, likelihood.LogLikelihood, 4);
                Assert.Equal(choice.Length, likelihood.Characters);
            }
    }

    [Fact]
    public void A_prompt_too_long_goes_without_its_last_solved_examples_and_is_counted()
    {
        using var model = LanguageModel.Load(new TinyModel().WriteFolder(_folder.File("model"))); // reads 256 tokens
        var answerer = new ModelAnswerer(model, "tiny");
        string[] shots = [.. Enumerable.Range(1, 40).Select(i => $"Say the colour of the day {i} below the number {i}: {i}\n\n")];
        BenchmarkQuestion With(int count) => new("1", "c", $"Answer.\n\n{string.Concat(shots.Take(count))}Say the name:")
        {
            IsCompletion = true, Choices = [" A", " B"], Shots = shots[..count], Stop = ["\n"],
        };
        var fits = Enumerable.Range(0, 41).Last(count => !answerer.Shortens(With(count)));
        Assert.InRange(fits, 1, 39);
        Assert.Equal(With(fits).Prompt, With(40).PromptWith(fits));

        BenchmarkQuestion[] asked = [With(fits), With(40), With(40) with { Shots = [] }];
        var run = new BenchmarkRunner(answerer).Run(BenchmarkSuite.Find("mmlu"),
            [.. asked.Select((q, i) => q with { Id = $"{i}" })]);
        Assert.Equal([false, true, true], run.Answers.Select(a => a.Response.Shortened));
        Assert.Equal(2, run.Shortened);
        var likelihoods = run.Answers.Select(a => a.Response.Choices[0].LogLikelihood).ToList();
        Assert.Equal(likelihoods[0], likelihoods[1], 9);
        Assert.NotEqual(likelihoods[0], likelihoods[2], 6); // cut at the beginning, the heading is gone
    }

    private (IBenchmark, IReadOnlyList<BenchmarkQuestion>) Questions(int count)
    {
        File.WriteAllLines(_folder.File("questions.jsonl"), Enumerable.Range(1, count).Select(i =>
            $$"""{"question":"Say {{i}}?","answer":"It is {{i}}. #### {{(i % 2 == 1 ? i : -i)}}"}"""));
        var benchmark = BenchmarkSuite.Find("gsm8k");
        return (benchmark, BenchmarkSuite.Read(benchmark, _folder.File("questions.jsonl"), new()));
    }

    /// <summary>Says the number it is asked to say.</summary>
    private sealed class Parrot : IAnswerer
    {
        public int FailAfter { get; init; } = int.MaxValue;
        public int Asked { get; private set; }
        public string Identity => "parrot";

        public string PromptText(BenchmarkQuestion question, IReadOnlyList<string> earlier) => question.Prompt;

        public bool Shortens(BenchmarkQuestion question) => false;

        public IReadOnlyList<string> Answer(IReadOnlyList<(BenchmarkQuestion Question, IReadOnlyList<string> Earlier)> asked,
            CancellationToken cancel)
        {
            if ((Asked += asked.Count) > FailAfter) throw new OperationCanceledException();
            return [.. asked.Select(a => $"The answer is {a.Question.Prompt.Split(' ', '?')[1]}.")];
        }

        public IReadOnlyList<IReadOnlyList<ChoiceLikelihood>> Compare(IReadOnlyList<BenchmarkQuestion> questions,
            CancellationToken cancel) => throw new NotSupportedException();
    }
}
