namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>Answers benchmark questions: a local model, or any other source of answers.</summary>
public interface IAnswerer
{
    /// <summary>
    /// Identifies everything the answers depend on (weights, adapter, template, decoding): stored answers are reused for the same
    /// identity and prompt.
    /// </summary>
    string Identity { get; }

    /// <summary>The exact text the model reads before answering.</summary>
    /// <param name="question">The question.</param>
    /// <param name="earlier">Answers so far; with n answers, the n-th follow-up is asked.</param>
    string PromptText(BenchmarkQuestion question, IReadOnlyList<string> earlier);

    /// <summary>Whether the question's prompt exceeds the context and is shortened.</summary>
    bool Shortens(BenchmarkQuestion question);

    /// <summary>Answers questions as a batch.</summary>
    /// <param name="asked">The questions with their answers so far.</param>
    /// <param name="cancel">Cancels without a result.</param>
    IReadOnlyList<string> Answer(IReadOnlyList<(BenchmarkQuestion Question, IReadOnlyList<string> Earlier)> asked,
        CancellationToken cancel);

    /// <summary>Computes the log-likelihood of every choice of every question.</summary>
    IReadOnlyList<IReadOnlyList<ChoiceLikelihood>> Compare(IReadOnlyList<BenchmarkQuestion> questions, CancellationToken cancel);
}
