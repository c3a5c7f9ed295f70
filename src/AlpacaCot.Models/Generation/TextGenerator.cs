using AlpacaCot.Models.Families;
using AlpacaCot.Text;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Models.Generation;

/// <summary>
/// Continues token sequences with a model: one with streaming, or many at once. Without a tokenizer there are no stop strings and
/// no end tokens but those of the options.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="tokenizer">Its tokenizer, or none.</param>
/// <param name="draft">
/// A smaller model of the same vocabulary that proposes tokens for the model to check several at a time: the answers are the
/// same, drawn ones in distribution, and come sooner where the two often agree.
/// </param>
public sealed class TextGenerator(CausalModel model, Tokenizer? tokenizer, CausalModel? draft = null)
{
    /// <summary>Continues one prompt and yields each token as soon as it is certain; the end token is not yielded.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="cache">What was read of the conversation before: used, and kept with the answer for the next turn.</param>
    /// <param name="cancel">Ends the answer where it is.</param>
    /// <exception cref="InputException">The prompt is empty or too long for the model.</exception>
    public IEnumerable<int> Stream(
        IReadOnlyList<int> prompt, GenerationOptions options, PromptCache? cache = null, CancellationToken cancel = default)
    {
        using var batch = new ContinuousBatch(model, tokenizer, draft: draft);
        batch.Add(prompt, options, cache);
        while (batch.Open > 0 && !cancel.IsCancellationRequested)
            foreach (var arrival in batch.Advance())
                foreach (var token in arrival.Tokens)
                {
                    if (cancel.IsCancellationRequested) yield break;
                    yield return token;
                }
    }

    /// <summary>
    /// Continues many prompts at once, without padding, and gives the new tokens without the end token. Every answer is what its
    /// prompt alone gives; draws depend on the seed and the prompt's place.
    /// </summary>
    /// <param name="prompts">Token ids of each.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="limits">How much is generated at a time.</param>
    /// <param name="progress">Told how many are answered.</param>
    /// <param name="answered">Told each answer as soon as it is complete, in the order in which they are.</param>
    /// <param name="cancel">Ends without a result.</param>
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

    /// <summary>The best answers that beam search finds, at most as many as beams, the best first.</summary>
    /// <param name="prompt">Token ids.</param>
    /// <param name="options">How tokens are chosen.</param>
    /// <param name="cancel">Ends without a result.</param>
    /// <exception cref="InputException">The prompt is empty or too long for the model.</exception>
    public IReadOnlyList<Hypothesis> Search(IReadOnlyList<int> prompt, GenerationOptions options,
        CancellationToken cancel = default)
    {
        ContinuousBatch.Check(model, prompt, options);
        using var beams = new BeamDecoding(model, prompt, options, new StoppingCriteria(options, tokenizer, model.Shape.MaxPositions), 0);
        while (!beams.Done)
        {
            cancel.ThrowIfCancellationRequested();
            BatchedForward.Run(model, beams.Next(), beams.Accept);
        }
        return beams.Finished;
    }
}
