using System.Globalization;
using AlpacaCot.Data;
using AlpacaCot.Evaluation.Benchmarks;
using Microsoft.Extensions.AI;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>
/// Grades answers with a chat model. Replies are cached by the hash of judge and prompt; transient failures are retried; a
/// reply without a verdict is requested again and then counted as missing. Missing grades are never estimated.
/// </summary>
/// <param name="client">The chat model; null: only stored verdicts are used.</param>
/// <param name="name">The identity of the judge, part of the cache key of its replies.</param>
/// <param name="store">The store of replies; null: replies are not stored.</param>
public sealed class Judge(IChatClient? client, string name, ResponseStore? store = null)
{
    private long _asked, _kept, _inputTokens, _outputTokens;
    private int _failuresInARow;

    /// <summary>The judge's name in messages; null: the identity is shown.</summary>
    public string? ShownName { get; init; }

    /// <summary>The attempts for one request while the endpoint fails.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The attempts for one question while the reply contains no verdict.</summary>
    public int Readings { get; init; } = 2;

    /// <summary>The consecutive failed questions after which grading stops.</summary>
    public int MostFailuresInARow { get; init; } = 3;

    /// <summary>The upper limit of the first retry wait, half of it random; each further wait is twice as long, up to a
    /// minute.</summary>
    public TimeSpan FirstWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The number of concurrent requests.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>The price of a million input and output tokens, in any currency.</summary>
    public (double Input, double Output) Price { get; init; }

    /// <summary>The cost of grading so far.</summary>
    public JudgeCost Cost => new(_asked, _kept, _inputTokens, _outputTokens,
        (_inputTokens * Price.Input + _outputTokens * Price.Output) / 1e6);

    /// <summary>Grades every answer of a run.</summary>
    /// <param name="benchmark">The benchmark; it builds the judge's prompts.</param>
    /// <param name="run">The run; the judge's scores are added, and replace existing ones.</param>
    /// <param name="prompts">The prompt texts.</param>
    /// <param name="progress">Receives the number of answers that are graded or without a verdict.</param>
    /// <param name="cancel">Cancels grading; grades so far stay in the store.</param>
    /// <exception cref="JudgeUnavailableException">The judge cannot be reached; grades so far stay in the store.</exception>
    public async Task<BenchmarkRun> GradeAsync(IJudgedBenchmark benchmark, BenchmarkRun run, JudgePrompts prompts,
        IProgress<int>? progress = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(benchmark);
        ArgumentNullException.ThrowIfNull(run);
        var graded = new ScoredAnswer[run.Answers.Count];
        var done = 0;
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        JudgeUnavailableException? reason = null;
        try
        {
            await System.Threading.Tasks.Parallel.ForEachAsync(Enumerable.Range(0, graded.Length),
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = giveUp.Token }, async (i, stop) =>
                {
                    try
                    {
                        graded[i] = await GradeAsync(benchmark, run.Answers[i], prompts, stop).ConfigureAwait(false);
                        progress?.Report(Interlocked.Increment(ref done));
                    }
                    catch (JudgeUnavailableException e)
                    {
                        reason = e;
                        await giveUp.CancelAsync().ConfigureAwait(false);
                    }
                }).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (reason is not null && !cancel.IsCancellationRequested)
        {
        }
        if (reason is not null)
        {
            var kept = store is null ? "" : " and stored: repeat the command to continue";
            throw new JudgeUnavailableException(string.Create(CultureInfo.InvariantCulture,
                $"{reason.Message}. {done} of {graded.Length} answers are graded{kept}"), reason);
        }
        return run with { Answers = graded };
    }

    /// <summary>Requests one verdict.</summary>
    /// <returns>The grade, or the reason for its absence.</returns>
    public async Task<JudgeVerdict> AskAsync(JudgeQuestion question, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        var key = ResponseStore.Key("judge", name, question.Prompt);
        if (store is not null && store.TryGet<string>(key, out var kept) && question.Form.TryRead(kept, out var known, out _))
        {
            Interlocked.Increment(ref _kept);
            return new(known, null, kept);
        }
        var trouble = ResponseStore.Key("judge's trouble", name, question.Prompt); // reason of a missing verdict
        if (client is null)
            return new(null, store is not null && store.TryGet<string>(trouble, out var why) ? why
                : "not graded by the judge yet", null);
        var problem = "";
        var messages = new List<ChatMessage> { new(ChatRole.User, question.Prompt) };
        for (var attempt = 0; attempt < Readings; attempt++)
        {
            string reply;
            try
            {
                reply = await ReplyAsync(messages, cancel).ConfigureAwait(false);
            }
            catch (ChatFailureException e)
            {
                if (e.Kind == ChatFailure.Lasting
                    || e.Kind == ChatFailure.Passing && Interlocked.Increment(ref _failuresInARow) >= MostFailuresInARow)
                    throw new JudgeUnavailableException($"the judge {ShownName ?? name} gives no answers: {e.Message}", e);
                store?.Add(trouble, e.Message);
                return new(null, e.Message, null);
            }
            Interlocked.Exchange(ref _failuresInARow, 0);
            if (question.Form.TryRead(reply, out var grade, out problem))
            {
                store?.Add(key, reply);
                return new(grade, null, reply);
            }
            messages.Add(new(ChatRole.Assistant, reply));
            messages.Add(new(ChatRole.User, question.Form.IsComparison
                ? "Give the verdict alone, in the form [[A]], [[B]] or [[C]]."
                : string.Create(CultureInfo.InvariantCulture,
                    $"Give the grade alone, a number from {question.Form.Low} to {question.Form.High} in the form [[grade]].")));
        }
        problem = $"the judge's reply has {problem}";
        store?.Add(trouble, problem);
        return new(null, problem, null);
    }

    private async Task<ScoredAnswer> GradeAsync(IJudgedBenchmark benchmark, ScoredAnswer answer, JudgePrompts prompts,
        CancellationToken cancel)
    {
        var grades = new List<double>();
        foreach (var question in benchmark.Ask(answer.Question, answer.Response, prompts))
        {
            var verdict = await AskAsync(question, cancel).ConfigureAwait(false);
            if (verdict.Grade is not { } grade)
                return answer with { Score = answer.Score with { Value = null, Missing = verdict.Problem } };
            grades.Add(grade);
        }
        var score = benchmark.Grade(answer.Question, answer.Response, grades);
        var measures = new Dictionary<string, double>([.. answer.Score.Measures, .. score.Measures]);
        return answer with { Score = score with { Measures = measures } };
    }

    private async Task<string> ReplyAsync(List<ChatMessage> messages, CancellationToken cancel)
    {
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 1024 };
        var retries = new RetryPolicy { Attempts = Math.Max(1, Attempts), FirstWait = FirstWait };
        var response = await retries.RunAsync(() =>
        {
            Interlocked.Increment(ref _asked);
            return client!.GetResponseAsync(messages, options, cancel);
        }, e => e is ChatFailureException { Kind: ChatFailure.Passing }, RequestedWait, cancel: cancel).ConfigureAwait(false);
        Interlocked.Add(ref _inputTokens, response.Usage?.InputTokenCount ?? 0);
        Interlocked.Add(ref _outputTokens, response.Usage?.OutputTokenCount ?? 0);
        return response.Text;

        // At most the policy's own longest wait: one verdict may be missing, but the others continue.
        TimeSpan? RequestedWait(Exception e) => (e as ChatFailureException)?.RetryAfter is { } wait && wait > retries.LongestWait
            ? retries.LongestWait : (e as ChatFailureException)?.RetryAfter;
    }
}

/// <summary>A judge's verdict on one answer.</summary>
/// <param name="Grade">The grade; null for none.</param>
/// <param name="Problem">The reason for a missing grade.</param>
/// <param name="Reply">The judge's reply.</param>
public sealed record JudgeVerdict(double? Grade, string? Problem, string? Reply);

/// <summary>The cost of grading.</summary>
/// <param name="Requests">Requests sent.</param>
/// <param name="Kept">Verdicts taken from the store.</param>
/// <param name="InputTokens">Prompt tokens, as counted by the endpoint.</param>
/// <param name="OutputTokens">Generated tokens, as counted by the endpoint.</param>
/// <param name="Price">The price by the given rates; 0 without any.</param>
public sealed record JudgeCost(long Requests, long Kept, long InputTokens, long OutputTokens, double Price);

/// <summary>A judge cannot be reached or refuses all requests; the run stops, and repeating it continues from the stored
/// verdicts.</summary>
public sealed class JudgeUnavailableException : Exception
{
    /// <summary>Creates the exception.</summary>
    public JudgeUnavailableException(string message, Exception cause) : base(message, cause) { }
}
