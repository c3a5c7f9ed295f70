using AlpacaCot.Evaluation.Benchmarks;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>A benchmark whose answers a judge grades.</summary>
public interface IJudgedBenchmark : IBenchmark
{
    /// <summary>The requests to the judge about one answer.</summary>
    IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts);

    /// <summary>Combines the judge's grades into a score.</summary>
    /// <param name="question">The question.</param>
    /// <param name="response">Its answer.</param>
    /// <param name="grades">One grade for each request of <see cref="Ask"/>, in its order.</param>
    QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades);
}
