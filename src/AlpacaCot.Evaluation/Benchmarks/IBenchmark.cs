using AlpacaCot.Data.Collection;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// A benchmark: where its questions come from, how they are put to a model, and when an answer is right. To add one, write its
/// file beside the others and its line in <see cref="BenchmarkSuite.All"/>.
/// </summary>
public interface IBenchmark
{
    /// <summary>What is known of it, and how it asks and scores.</summary>
    BenchmarkDescription About { get; }

    /// <summary>Reads the questions from the published files.</summary>
    /// <param name="path">The file or folder that <see cref="BenchmarkDescription.Data"/> describes.</param>
    /// <param name="options">How to ask.</param>
    /// <exception cref="InputException">There is no such file, or a record of it is not a question of this benchmark.</exception>
    IEnumerable<BenchmarkQuestion> Read(string path, BenchmarkOptions options);

    /// <summary>Scores one response without a judge.</summary>
    QuestionScore Score(BenchmarkQuestion question, BenchmarkResponse response);
}

/// <summary>What a user should know of a benchmark before trusting its number.</summary>
/// <param name="Name">What <c>--benchmark</c> calls it.</param>
/// <param name="Title">Its full name.</param>
/// <param name="Source">Who published it.</param>
public sealed record BenchmarkDescription(string Name, string Title, string Source)
{
    /// <summary>Which published file or folder is read.</summary>
    public required string Data { get; init; }

    /// <summary>
    /// Where that is downloaded: the address of a repository of the hub or of GitHub, or of a file or folder of one; null where
    /// it is the user's own, or is published as an archive.
    /// </summary>
    public string? Address { get; init; }

    /// <summary>How a question is worded.</summary>
    public required string Prompt { get; init; }

    /// <summary>How many solved examples stand before a question, and where they come from.</summary>
    public string Shots { get; init; } = "none";

    /// <summary>How an answer is got: <c>greedy decoding</c> or <c>log-likelihood of the choices</c>.</summary>
    public string Answering { get; init; } = "greedy decoding";

    /// <summary>How the answer is taken out of the text.</summary>
    public required string Extraction { get; init; }

    /// <summary>What the score of a question is.</summary>
    public required string Metric { get; init; }

    /// <summary>The longest answer in tokens where nothing else is said.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>What a score of 1 is shown as: 100 for percent, 10 for grades out of ten.</summary>
    public double Scale { get; init; } = 100;

    /// <summary>Whether the published figure is the plain mean over categories, rather than over questions.</summary>
    public bool MeanOfCategories { get; init; }

    /// <summary>Whether its score comes from a judge.</summary>
    public bool IsJudged { get; init; }
}

/// <summary>How the questions of a benchmark are asked.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Solved examples before a question; null: as many as were published with.</summary>
    public int? Shots { get; init; }

    /// <summary>A text put behind every instruction, such as <c>Let's think step by step.</c>; null: the benchmark's
    /// own.</summary>
    public string? Trigger { get; init; }

    /// <summary>Whether choices are compared by log-likelihood; null: as the benchmark is published.</summary>
    public bool? ByLikelihood { get; init; }

    /// <summary>The set of the collection whose form the data has; null where it is the benchmark's own.</summary>
    public IInstructionSource? Set { get; init; }

    /// <summary>The most questions: the first ones of each category in turn, so that none is left out.</summary>
    public int? Limit { get; init; }
}

/// <summary>A question of a benchmark.</summary>
/// <param name="Id">Names it within the benchmark; the same in every run, so that runs can be compared question by
/// question.</param>
/// <param name="Category">The subject or kind that scores are reported by.</param>
/// <param name="Prompt">What is asked.</param>
public sealed record BenchmarkQuestion(string Id, string Category, string Prompt)
{
    /// <summary>The material an instruction works on; empty where there is none.</summary>
    public string Input { get; init; } = "";

    /// <summary>Whether the prompt is continued as it stands; otherwise the model's prompt template goes around it.</summary>
    public bool IsCompletion { get; init; }

    /// <summary>
    /// The solved examples that stand in the prompt one after the other, as they stand there: what a prompt that is too long for
    /// a model can do without.
    /// </summary>
    public IReadOnlyList<string> Shots { get; init; } = [];

    /// <summary>Asked after the answer to the prompt, one after the other.</summary>
    public IReadOnlyList<string> FollowUps { get; init; } = [];

    /// <summary>Right answers, as many as are published.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Continuations whose log-likelihoods are compared; empty: an answer is generated.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Texts that end an answer.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>
    /// The prompt with its first solved examples alone: the last ones go first, as in MMLU's own evaluation; the heading stays.
    /// </summary>
    /// <param name="shots">How many stay.</param>
    public string PromptWith(int shots)
    {
        if (shots >= Shots.Count) return Prompt;
        var all = string.Concat(Shots);
        var at = Prompt.IndexOf(all, StringComparison.Ordinal);
        return Prompt[..at] + string.Concat(Shots.Take(shots)) + Prompt[(at + all.Length)..];
    }
}

/// <summary>What a model gave for a question.</summary>
/// <param name="Texts">The answer, and one more for each follow-up; empty where choices were compared.</param>
public sealed record BenchmarkResponse(params IReadOnlyList<string> Texts)
{
    /// <summary>The answer to the prompt.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Text => Texts.Count > 0 ? Texts[0] : "";

    /// <summary>How probable each choice is; empty where an answer was generated.</summary>
    public IReadOnlyList<ChoiceLikelihood> Choices { get; init; } = [];

    /// <summary>Whether the prompt was longer than the model reads, and lost solved examples or its beginning.</summary>
    public bool Shortened { get; init; }
}

/// <summary>How probable a choice is as the continuation of a prompt.</summary>
/// <param name="LogLikelihood">The sum over its tokens, natural log.</param>
/// <param name="Tokens">How many tokens it has.</param>
/// <param name="Characters">How many characters it has.</param>
public readonly record struct ChoiceLikelihood(double LogLikelihood, int Tokens, int Characters);

/// <summary>The score of one response.</summary>
/// <param name="Value">From 0 to 1; null where there is none, which is counted and never taken for 0.</param>
/// <param name="Extracted">The answer taken out of the text; null where none was found.</param>
public sealed record QuestionScore(double? Value, string? Extracted = null)
{
    /// <summary>Further measures of the response by name, such as <c>rouge_l</c>.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();

    /// <summary>Why there is no value.</summary>
    public string? Missing { get; init; }

    /// <summary>Right or wrong.</summary>
    public static QuestionScore Of(bool right, string? extracted) => new(right ? 1 : 0, extracted);
}
