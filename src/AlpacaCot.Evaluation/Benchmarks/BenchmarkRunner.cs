using AlpacaCot.Text;
using AlpacaCot.Evaluation.Metrics;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// Asks a model the questions of a benchmark and scores the answers. Answers are stored as they arrive: an interrupted run
/// continues where it stopped, and a completed run costs nothing.
/// </summary>
/// <param name="answerer">The model under test.</param>
/// <param name="store">Store for answers; null: answers are not stored.</param>
public sealed class BenchmarkRunner(IAnswerer answerer, ResponseStore? store = null)
{
    /// <summary>Number of questions per write to the store: the work that a crash can lose. Default: 128.</summary>
    public int ChunkSize { get; init; } = 128;

    /// <summary>Number of answers of the last run that came from the store.</summary>
    public int Reused { get; private set; }

    /// <summary>Asks all questions and scores the answers.</summary>
    /// <param name="benchmark">The benchmark.</param>
    /// <param name="questions">Its questions.</param>
    /// <param name="progress">Receives the number of answered questions.</param>
    /// <param name="cancel">Cancels the run; answers so far are kept.</param>
    public BenchmarkRun Run(IBenchmark benchmark, IReadOnlyList<BenchmarkQuestion> questions, IProgress<int>? progress = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(benchmark);
        ArgumentNullException.ThrowIfNull(questions);
        var responses = Collect(questions, progress, cancel);
        return Score(benchmark, answerer.Identity, questions, responses);
    }

    /// <summary>Scores existing responses.</summary>
    public static BenchmarkRun Score(IBenchmark benchmark, string model, IReadOnlyList<BenchmarkQuestion> questions,
        IReadOnlyList<BenchmarkResponse> responses) =>
        new(benchmark.About, model, [.. questions.Zip(responses, (q, r) =>
            new ScoredAnswer(q, r, Measure(q, r, InputBoundary.Read($"question {q.Id}", () => benchmark.Score(q, r)))))]);

    /// <summary>Adds the reference-free measures of an answer to its score: length, repetition, reasoning, language.</summary>
    private static QuestionScore Measure(BenchmarkQuestion question, BenchmarkResponse response, QuestionScore score) =>
        response.Texts.Count == 0 ? score : score with
        {
            Measures = new Dictionary<string, double>([.. TextMeasures.Of(question.Prompt, response.Text), .. score.Measures]),
        };

    private BenchmarkResponse[] Collect(IReadOnlyList<BenchmarkQuestion> questions, IProgress<int>? progress,
        CancellationToken cancel)
    {
        var responses = new BenchmarkResponse?[questions.Count];
        for (var i = 0; i < questions.Count; i++)
            if (store is not null && store.TryGet<BenchmarkResponse>(Key(questions[i]), out var kept)) responses[i] = kept;
        var open = Enumerable.Range(0, questions.Count).Where(i => responses[i] is null).ToList();
        Reused = questions.Count - open.Count;
        if (Reused > 0) progress?.Report(Reused);
        var done = Reused;
        // Batch prompts of similar length: a batch costs as much as its longest prompt.
        foreach (var chunk in open.OrderBy(i => questions[i].Prompt.Length + questions[i].Input.Length).Chunk(ChunkSize))
        {
            cancel.ThrowIfCancellationRequested();
            var compared = chunk.Where(i => questions[i].Choices.Count > 0).ToArray();
            var answered = chunk.Except(compared).ToArray();
            if (compared.Length > 0)
                foreach (var (i, choices) in compared.Zip(answerer.Compare([.. compared.Select(i => questions[i])], cancel)))
                    responses[i] = new BenchmarkResponse { Choices = choices };
            foreach (var (i, texts) in answered.Zip(Converse([.. answered.Select(i => questions[i])], cancel)))
                responses[i] = new BenchmarkResponse(texts);
            foreach (var i in chunk)
            {
                if (answerer.Shortens(questions[i])) responses[i] = responses[i]! with { Shortened = true };
                store?.Add(Key(questions[i]), responses[i]!);
            }
            progress?.Report(done += chunk.Length);
        }
        return responses!;
    }

    /// <summary>Answers questions and their follow-ups, turn by turn.</summary>
    private List<string>[] Converse(BenchmarkQuestion[] questions, CancellationToken cancel)
    {
        var texts = questions.Select(_ => new List<string>()).ToArray();
        for (var turn = 0; ; turn++)
        {
            var open = Enumerable.Range(0, questions.Length).Where(i => turn <= questions[i].FollowUps.Count).ToArray();
            if (open.Length == 0) return texts;
            var answers = answerer.Answer([.. open.Select(i => (questions[i], (IReadOnlyList<string>)texts[i]))], cancel);
            foreach (var (i, answer) in open.Zip(answers)) texts[i].Add(answer);
        }
    }

    private string Key(BenchmarkQuestion q) => ResponseStore.Key(
        [answerer.Identity, answerer.PromptText(q, []), .. q.FollowUps, "choices", .. q.Choices, "stop", .. q.Stop]);
}
