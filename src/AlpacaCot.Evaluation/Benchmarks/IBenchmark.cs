using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// A benchmark: source of its questions, form of the prompts, and scoring of the answers. To add one, write its class in this
/// folder and add it to <see cref="BenchmarkSuite.All"/>.
/// </summary>
public interface IBenchmark
{
    /// <summary>Description of the data, prompts and scoring.</summary>
    BenchmarkDescription About { get; }

    /// <summary>Reads the questions from the published files.</summary>
    /// <param name="path">The file or folder described by <see cref="BenchmarkDescription.Data"/>.</param>
    /// <param name="options">Options of the prompts.</param>
    /// <exception cref="InputException">The file does not exist, or a record does not have the benchmark's form.</exception>
    IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options);

    /// <summary>Scores one response without a judge.</summary>
    QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response);
}

/// <summary>Description of a benchmark, as shown to users.</summary>
/// <param name="Name">The name for <c>--benchmark</c>.</param>
/// <param name="Title">The full name.</param>
/// <param name="Source">The publisher.</param>
public sealed record BenchmarkDescription(string Name, string Title, string Source)
{
    /// <summary>The published file or folder to read.</summary>
    public required string Data { get; init; }

    /// <summary>
    /// Download address: a hub or GitHub repository, or a file or folder in one; null if it is the user's own or published as an
    /// archive.
    /// </summary>
    public string? Address { get; init; }

    /// <summary>Form of the prompt.</summary>
    public required string Prompt { get; init; }

    /// <summary>Number and source of the few-shot examples.</summary>
    public string Shots { get; init; } = "none";

    /// <summary>How answers are obtained: <c>greedy decoding</c> or <c>log-likelihood of the choices</c>.</summary>
    public string Answering { get; init; } = "greedy decoding";

    /// <summary>How the answer is extracted from the text.</summary>
    public required string Extraction { get; init; }

    /// <summary>Metric of a question.</summary>
    public required string Metric { get; init; }

    /// <summary>Default maximum length of an answer in tokens.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>Displayed value of a score of 1: 100 for percent, 10 for grades out of ten.</summary>
    public double Scale { get; init; } = 100;

    /// <summary>Whether the official score is the mean over categories rather than over questions.</summary>
    public bool MeanOfCategories { get; init; }

    /// <summary>Whether the score requires a judge.</summary>
    public bool IsJudged { get; init; }
}

/// <summary>Options for asking the questions of a benchmark.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Number of few-shot examples; null: as published.</summary>
    public int? Shots { get; init; }

    /// <summary>Text appended to every instruction, such as <c>Let's think step by step.</c>; null: the benchmark's
    /// own.</summary>
    public string? Trigger { get; init; }

    /// <summary>Whether choices are compared by log-likelihood; null: as published.</summary>
    public bool? ByLikelihood { get; init; }

    /// <summary>Data set of the collection whose format the data has; null for the benchmark's own format.</summary>
    public IInstructionSource? Set { get; init; }

    /// <summary>Maximum number of questions, taken from the categories in turn so that all are covered; null: all.</summary>
    public int? Limit { get; init; }
}

/// <summary>A question of a benchmark.</summary>
/// <param name="Id">Id within the benchmark, stable across runs, so that runs can be compared question by
/// question.</param>
/// <param name="Category">Subject or kind for aggregate scores.</param>
/// <param name="Prompt">Text of the question.</param>
public sealed record BenchmarkQuestion(string Id, string Category, string Prompt)
{
    /// <summary>Additional material for an instruction; default: empty.</summary>
    public string Input { get; init; } = "";

    /// <summary>Whether the prompt is continued verbatim, without the model's prompt template.</summary>
    public bool IsCompletion { get; init; }

    /// <summary>
    /// The few-shot examples exactly as they occur in the prompt, in order; they are removed first from a prompt that exceeds
    /// the model's context.
    /// </summary>
    public IReadOnlyList<string> Shots { get; init; } = [];

    /// <summary>Further user turns, asked in order after the answer to the prompt.</summary>
    public IReadOnlyList<string> FollowUps { get; init; } = [];

    /// <summary>All published reference answers.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Continuations whose log-likelihoods are compared; empty: an answer is generated.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Stop sequences of an answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>
    /// The prompt with only its first few-shot examples, as in MMLU's own evaluation; the heading is kept.
    /// </summary>
    /// <param name="shots">Number of examples to keep.</param>
    public string PromptWith(int shots)
    {
        if (shots >= Shots.Count) return Prompt;
        var all = string.Concat(Shots);
        var at = Prompt.IndexOf(all, StringComparison.Ordinal);
        return Prompt[..at] + string.Concat(Shots.Take(shots)) + Prompt[(at + all.Length)..];
    }
}

/// <summary>A model's response to a question.</summary>
/// <param name="Texts">The answer, and one per follow-up; empty if choices were compared.</param>
public sealed record BenchmarkResponse(params IReadOnlyList<string> Texts)
{
    /// <summary>The answer to the prompt.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Text => Texts.Count > 0 ? Texts[0] : "";

    /// <summary>Log-likelihoods of the choices; empty if an answer was generated.</summary>
    public IReadOnlyList<ChoiceLikelihood> Choices { get; init; } = [];

    /// <summary>Whether the prompt exceeded the context and lost few-shot examples or its beginning.</summary>
    public bool Shortened { get; init; }
}

/// <summary>Log-likelihood of a choice as the continuation of a prompt.</summary>
/// <param name="LogLikelihood">Sum over its tokens, natural logarithm.</param>
/// <param name="Tokens">Number of tokens.</param>
/// <param name="Characters">Number of characters.</param>
public readonly record struct ChoiceLikelihood(double LogLikelihood, int Tokens, int Characters);

/// <summary>Score of one response.</summary>
/// <param name="Value">From 0 to 1; null if missing. Missing scores are counted, never treated as 0.</param>
/// <param name="Extracted">The extracted answer; null if none was found.</param>
public sealed record QuestionScore(double? Value, string? Extracted = null)
{
    /// <summary>Additional measures by name, such as <c>rouge_l</c>.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();

    /// <summary>Why the value is missing; null if it is not.</summary>
    public string? Missing { get; init; }

    /// <summary>Creates a binary score.</summary>
    public static QuestionScore Of(bool right, string? extracted) => new(right ? 1 : 0, extracted);
}
