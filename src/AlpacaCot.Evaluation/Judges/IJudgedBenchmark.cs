using AlpacaCot.Evaluation.Benchmarks;

namespace AlpacaCot.Evaluation.Judges;

/// <summary>A benchmark whose answers a judge grades.</summary>
public interface IJudgedBenchmark : IBenchmark
{
    /// <summary>What the judge is asked about one answer.</summary>
    IReadOnlyList<JudgeQuestion> Ask(BenchmarkQuestion question, BenchmarkResponse response, JudgePrompts prompts);

    /// <summary>The score that the judge's grades amount to.</summary>
    /// <param name="question">The question.</param>
    /// <param name="response">Its answer.</param>
    /// <param name="grades">One grade for each thing asked, all of them.</param>
    QuestionScore Grade(BenchmarkQuestion question, BenchmarkResponse response, IReadOnlyList<double> grades);
}
