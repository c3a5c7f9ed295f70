using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Generates continuations of token sequences, one with streaming or many in a batch. Without a tokenizer there are no stop
/// strings, and only the end tokens of the options apply.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">The model's tokenizer, or null.</param>
/// <param name="draft">
/// A smaller draft model with the same vocabulary, or null. It makes generation faster if the two models often agree; greedy
/// answers are identical, and sampled ones have the same distribution.
/// </param>
public sealed class TextGenerator(CausalModel model, Tokenizer? tokenizer, CausalModel? draft = null)
{
    /// <summary>Continues one prompt and yields each token as soon as it is final; the end token is not yielded.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">The sampling and stopping options.</param>
    /// <param name="cache">The cache of the conversation so far, which is reused and updated for the next turn.</param>
    /// <param name="cancel">Ends the answer after the current token.</param>
    /// <exception cref="InputException">The prompt is empty or too long for the model.</exception>
    public IEnumerable<int> Stream(
        IReadOnlyList<int> prompt, GenerationOptions options, PromptCache? cache = null, CancellationToken cancel = default)
    {
        using var batch = new ContinuousBatch(model, tokenizer, draft: draft);
        batch.Add(prompt, options, cache);
        while (batch.Open > 0 && !cancel.IsCancellationRequested)
            foreach (var generated in batch.Advance())
                foreach (var token in generated.Tokens)
                {
                    if (cancel.IsCancellationRequested) yield break;
                    yield return token;
                }
    }

    /// <summary>
    /// Continues many prompts in one batch without padding, and returns the new tokens of each without the end token. Every
    /// answer is the same as for its prompt alone; sampling depends on the seed and the prompt's index.
    /// </summary>
    /// <param name="prompts">The token ids of each prompt.</param>
    /// <param name="options">The sampling and stopping options.</param>
    /// <param name="limits">The limits of the batch; null: the defaults.</param>
    /// <param name="progress">Receives the number of complete answers.</param>
    /// <param name="answered">
    /// Called with the index and tokens of each answer when it is complete, in order of completion.
    /// </param>
    /// <param name="cancel">Cancels the generation.</param>
    /// <exception cref="InputException">A prompt is empty or too long for the model.</exception>
    public IReadOnlyList<int[]> GenerateBatch(
        IReadOnlyList<IReadOnlyList<int>> prompts, GenerationOptions options, BatchLimits? limits = null,
        IProgress<int>? progress = null,
        Action<int, int[]>? answered = null, CancellationToken cancel = default)
    {
        using var threads = new FewerThreads(model);
        using var batch = new ContinuousBatch(model, tokenizer, limits, draft);
        foreach (var prompt in prompts) batch.Add(prompt, options);
        var (answers, done) = (prompts.Select(_ => new List<int>()).ToArray(), 0);
        while (batch.Open > 0)
        {
            cancel.ThrowIfCancellationRequested();
            var before = done;
            foreach (var (number, tokens, isDone) in batch.Advance())
            {
                answers[number].AddRange(tokens);
                if (!isDone) continue;
                done++;
                answered?.Invoke(number, [.. answers[number]]);
            }
            if (done > before) progress?.Report(done);
        }
        return [.. answers.Select(a => a.ToArray())];
    }

    /// <summary>
    /// Whether a complete answer was cut: prompt and answer fill all positions of the model, and neither an end token, a stop
    /// string nor <see cref="GenerationOptions.MaxNewTokens"/> ended it before.
    /// </summary>
    /// <param name="prompt">The number of tokens of the prompt.</param>
    /// <param name="answer">The tokens of the answer, without the end token.</param>
    /// <param name="options">The options that the answer was generated with.</param>
    public bool IsCut(int prompt, IReadOnlyList<int> answer, GenerationOptions options) =>
        new StoppingCriteria(options, tokenizer, model.LongestSequence).IsCut(prompt, [.. answer]);

    /// <summary>Returns the best answers of beam search, at most one per beam, best first.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">The sampling and stopping options.</param>
    /// <param name="cancel">Cancels the generation.</param>
    /// <exception cref="InputException">The prompt is empty or too long for the model.</exception>
    public IReadOnlyList<Hypothesis> Search(IReadOnlyList<int> prompt, GenerationOptions options,
        CancellationToken cancel = default)
    {
        ContinuousBatch.Check(model, prompt, options);
        var stopping = new StoppingCriteria(options, tokenizer, model.LongestSequence);
        using var beams = new BeamDecoding(model, prompt, options, stopping, 0);
        while (!beams.Done)
        {
            cancel.ThrowIfCancellationRequested();
            BatchedForward.Run(model, beams.Next(), beams.Accept);
        }
        return beams.Finished;
    }
}
