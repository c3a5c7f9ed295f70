using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>
/// Answers with scores as JSON lines with fields <c>benchmark, model, id, category, prompt, input, references, choices, texts,
/// shortened, likelihoods, extracted, score, measures, missing</c>. They can be rescored without a model.
/// </summary>
public static class GenerationsFile
{
    private static readonly JsonSerializerOptions Form = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Writes a run atomically.</summary>
    public static void Write(string path, BenchmarkRun run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var text = new StringBuilder();
        foreach (var (q, r, s) in run.Answers)
            text.Append(JsonSerializer.Serialize(new Line
            {
                Benchmark = run.Benchmark.Name, Model = run.Model, Id = q.Id, Category = q.Category, Prompt = q.Prompt,
                Input = q.Input, IsCompletion = q.IsCompletion, FollowUps = q.FollowUps, References = q.References,
                Choices = q.Choices, Texts = r.Texts, Shortened = r.Shortened,
                Likelihoods = [.. r.Choices.Select(c => (double[])[c.LogLikelihood, c.Tokens, c.Characters])],
                Extracted = s.Extracted, Score = s.Value, Measures = s.Measures, Missing = s.Missing,
            }, Form)).Append('\n');
        AtomicFile.WriteText(path, text.ToString());
    }

    /// <summary>Reads the answers of a run; scores in the file are ignored.</summary>
    /// <param name="path">The file.</param>
    /// <returns>Name of the benchmark, identity of the model, and the answers in file order.</returns>
    /// <exception cref="InputException">The file does not exist, a line is invalid, or belongs to another
    /// benchmark.</exception>
    public static (string Benchmark, string Model, IReadOnlyList<BenchmarkQuestion> Questions,
        IReadOnlyList<BenchmarkResponse> Responses) Read(string path)
    {
        var lines = RecordFile.Read(path).Select(record =>
        {
            try
            {
                var line = record.Value.Deserialize<Line>(Form);
                if (line is { Benchmark: not null, Id: not null, Category: not null, Prompt: not null })
                    return line.Problem is { } problem ? throw new InputException($"{record.Origin}: {problem}") : line;
            }
            catch (Exception e) when (e is JsonException || InputBoundary.IsOfContent(e))
            {
                throw new InputException($"{record.Origin}: this is not an answer of an evaluation ({InputBoundary.Reason(e)})",
                    e);
            }
            throw new InputException(
                $"{record.Origin}: not an answer of an evaluation: expected benchmark, id, category, prompt");
        }).ToList();
        if (lines.Count == 0) throw new InputException($"{path}: the file contains no answer.");
        if (lines.Find(l => l.Benchmark != lines[0].Benchmark) is { } other)
            throw new InputException($"{path}: it contains answers to {lines[0].Benchmark} and to {other.Benchmark}; split it.");
        return (lines[0].Benchmark!, lines[0].Model
            ?? "", [.. lines.Select(l => new BenchmarkQuestion(l.Id!, l.Category!, l.Prompt!)
        {
            Input = l.Input, IsCompletion = l.IsCompletion, FollowUps = l.FollowUps, References = l.References,
            Choices = l.Choices,
        })], [.. lines.Select(l => new BenchmarkResponse(l.Texts)
        {
            Shortened = l.Shortened,
            Choices = [.. l.Likelihoods.Select(c => new ChoiceLikelihood(c[0], (int)c[1], (int)c[2]))],
        })]);
    }

    private sealed record Line
    {
        public string? Benchmark { get; init; }
        public string? Model { get; init; }
        public string? Id { get; init; }
        public string? Category { get; init; }
        public string? Prompt { get; init; }
        public string Input { get; init; } = "";
        public bool IsCompletion { get; init; }
        public IReadOnlyList<string> FollowUps { get; init; } = [];
        public IReadOnlyList<string> References { get; init; } = [];
        public IReadOnlyList<string> Choices { get; init; } = [];
        public IReadOnlyList<string> Texts { get; init; } = [];
        public bool Shortened { get; init; }
        public IReadOnlyList<double[]> Likelihoods { get; init; } = [];
        public string? Extracted { get; init; }
        public double? Score { get; init; }
        public IReadOnlyDictionary<string, double>? Measures { get; init; }
        public string? Missing { get; init; }

        /// <summary>The first field with a null in it, or of another length; null where all are usable.</summary>
        [JsonIgnore]
        public string? Problem => Input is null ? "\"input\" is null, expected a text"
            : Wrong("follow_ups", FollowUps) ?? Wrong("references", References) ?? Wrong("choices", Choices)
                ?? Wrong("texts", Texts)
            ?? (Likelihoods is null || Likelihoods.Any(l => l is not { Length: 3 } || !l.All(double.IsFinite)
                || Math.Abs(l[1]) > int.MaxValue || Math.Abs(l[2]) > int.MaxValue)
                ? "\"likelihoods\" is not a list of log-likelihood, tokens and characters" : null);

        private static string? Wrong(string name, IReadOnlyList<string> texts) =>
            texts is null || texts.Contains(null!) ? $"\"{name}\" is not a list of texts; null is no text" : null;
    }
}
