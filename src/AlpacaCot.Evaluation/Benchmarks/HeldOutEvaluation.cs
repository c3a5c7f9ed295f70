using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Models;
using AlpacaCot.Models.Generation;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>A model's answer to one question, graded by <see cref="ExactMatch"/>.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answer">The text that the model generated.</param>
/// <param name="Right">Whether the answer matches the reference.</param>
public sealed record HeldOutAnswer(HeldOutQuestion Question, string Answer, bool Right);

/// <summary>A model's accuracy on held-out questions, in total and by category.</summary>
/// <param name="Answers">Every answer, in the order of the questions.</param>
public sealed record HeldOutEvaluation(IReadOnlyList<HeldOutAnswer> Answers)
{
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Asks a model every question, in its own prompt template and with greedy decoding.</summary>
    /// <param name="model">The model.</param>
    /// <param name="questions">The questions, one or more.</param>
    /// <param name="progress">Receives the number of answered questions.</param>
    /// <param name="batchSize">The maximum number of questions in a batch.</param>
    /// <param name="maxNewTokens">The maximum length of an answer in tokens; longer answers are cut.</param>
    /// <param name="cancel">Cancels the evaluation; no result is returned.</param>
    /// <exception cref="InputException">A question exceeds the model's context length, or the model has no tokenizer.</exception>
    public static HeldOutEvaluation Run(
        LanguageModel model, IReadOnlyList<HeldOutQuestion> questions, IProgress<int>? progress = null,
        int batchSize = 64, int maxNewTokens = 64, CancellationToken cancel = default)
    {
        var prompts = questions
            .Select(q => model.EncodePrompt(new Conversation([new Turn(Role.User, q.Instruction, q.Input)])));
        var options = new GenerationOptions
        {
            MaxNewTokens = maxNewTokens, Greedy = true, StopStrings = model.Template.Stop, EndTokens = model.EndTokens,
        };
        var ids = model.Generator.GenerateBatch(
            [.. prompts], options, new BatchLimits { Sequences = batchSize }, progress, cancel: cancel);
        return Judge(questions, [.. ids.Select(answer => model.AnswerText(answer))]);
    }

    /// <summary>Compares answers with the references of their questions.</summary>
    public static HeldOutEvaluation Judge(IReadOnlyList<HeldOutQuestion> questions, IReadOnlyList<string> answers) =>
        new([.. questions.Zip(answers, (q, answer) => new HeldOutAnswer(q, answer, ExactMatch.IsRight(answer, q.Reference)))]);

    /// <summary>The answers to questions of one category; null for all.</summary>
    public IEnumerable<HeldOutAnswer> In(string? category) =>
        Answers.Where(a => category is null || a.Question.Category == category);

    /// <summary>The share of right answers in percent, of one category or of all; null where there are no answers.</summary>
    public double? Percent(string? category = null) =>
        In(category).Any() ? In(category).Average(a => a.Right ? 100.0 : 0) : null;

    /// <summary>Writes every question, reference, answer and verdict as a line of JSON.</summary>
    public void Write(string path)
    {
        var text = new StringBuilder();
        foreach (var (q, answer, right) in Answers)
            text.Append(JsonSerializer.Serialize(new
            {
                category = q.Category, question = q.Instruction, input = q.Input, reference = q.Reference, answer, right,
            }, Readable)).Append('\n');
        AtomicFile.WriteText(path, text.ToString());
    }
}
