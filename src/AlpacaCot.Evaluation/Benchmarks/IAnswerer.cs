namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>What answers the questions of a benchmark: a model here, or anything else that can.</summary>
public interface IAnswerer
{
    /// <summary>
    /// Names everything its answers depend on (weights, adapter, template, decoding): answers kept under the same identity and
    /// prompt are used again.
    /// </summary>
    string Identity { get; }

    /// <summary>The exact text that is read before a question is answered.</summary>
    /// <param name="question">The question.</param>
    /// <param name="earlier">Its answers so far: with one, the first follow-up is asked.</param>
    string PromptText(BenchmarkQuestion question, IReadOnlyList<string> earlier);

    /// <summary>Whether the question's prompt is longer than what is read, so that a part of it is left out.</summary>
    bool Shortens(BenchmarkQuestion question);

    /// <summary>Answers questions together.</summary>
    /// <param name="asked">The questions, each with its answers so far.</param>
    /// <param name="cancel">Ends it without a result.</param>
    IReadOnlyList<string> Answer(IReadOnlyList<(BenchmarkQuestion Question, IReadOnlyList<string> Earlier)> asked,
        CancellationToken cancel);

    /// <summary>How probable each choice of each question is.</summary>
    IReadOnlyList<IReadOnlyList<ChoiceLikelihood>> Compare(IReadOnlyList<BenchmarkQuestion> questions, CancellationToken cancel);
}
