using AlpacaCot.Models;
using AlpacaCot.Models.Families;
using AlpacaCot.Models.Generation;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Templates;
using static TorchSharp.torch;

namespace AlpacaCot.Evaluation.Benchmarks;

/// <summary>A locally loaded model that answers questions by greedy decoding, or compares choices by their
/// log-likelihood.</summary>
/// <param name="model">The model; not owned.</param>
/// <param name="name">The identity of the model: a fingerprint of its weights and adapter.</param>
public sealed class ModelAnswerer(LanguageModel model, string name) : IAnswerer
{
    private const int TokensPerBatch = 4096;

    /// <summary>The maximum length of an answer in tokens.</summary>
    public int MaxNewTokens { get; init; } = 256;

    /// <summary>The maximum number of questions in a batch.</summary>
    public int BatchSize { get; init; } = 64;

    /// <inheritdoc/>
    public string Identity =>
        Fingerprint.Of($"{name}\n{model.Template.ToJson()}\ngreedy {MaxNewTokens}");

    /// <inheritdoc/>
    public string PromptText(BenchmarkQuestion question, IReadOnlyList<string> earlier) =>
        PromptText(model.Template, question, earlier);

    /// <summary>The prompt of a model with the given template, as text.</summary>
    public static string PromptText(IChatFormat template, BenchmarkQuestion question, IReadOnlyList<string> earlier) =>
        question.IsCompletion ? question.Prompt
            : string.Concat(
                template.RenderPrompt(Asked(question, earlier)).Select(s => s.Spelled("", "</s>")));

    /// <inheritdoc/>
    public IReadOnlyList<string> Answer(IReadOnlyList<(BenchmarkQuestion Question, IReadOnlyList<string> Earlier)> asked,
        CancellationToken cancel)
    {
        var answers = new string[asked.Count];
        // Stop strings belong to the question; questions with the same ones are batched together.
        foreach (var group in asked.Index().GroupBy(a => string.Join('\0', Stops(a.Item.Question))))
        {
            var stops = Stops(group.First().Item.Question);
            var options = new GenerationOptions
            {
                MaxNewTokens = MaxNewTokens, Greedy = true, StopStrings = stops, EndTokens = model.EndTokens,
            };
            var prompts = group.Select(a => (IReadOnlyList<int>)PromptIds(a.Item.Question, a.Item.Earlier)).ToList();
            var ids = model.Generator.GenerateBatch(
                prompts, options, new BatchLimits { Sequences = BatchSize }, cancel: cancel);
            foreach (var (item, answer) in group.Zip(ids)) answers[item.Index] = Cut(model.Tokenizer.Decode(answer), stops);
        }
        return answers;
    }

    /// <inheritdoc/>
    public IReadOnlyList<IReadOnlyList<ChoiceLikelihood>> Compare(IReadOnlyList<BenchmarkQuestion> questions,
        CancellationToken cancel)
    {
        var results = questions.Select(q => new ChoiceLikelihood[q.Choices.Count]).ToArray();
        var rows = questions.SelectMany((q, i) => Rows(q, i)).OrderBy(r => r.Ids.Length).ToList();
        for (var (at, size) = (0, 0); at < rows.Count; at += size)
        {
            cancel.ThrowIfCancellationRequested();
            size = 1;
            while (at + size < rows.Count && (size + 1) * rows[at + size].Ids.Length <= TokensPerBatch) size++;
            Score(rows.GetRange(at, size), questions, results);
            if (at / 512 != (at + size) / 512) Platform.TrimMemory();
        }
        return results;
    }

    private IReadOnlyList<string> Stops(BenchmarkQuestion question) =>
        question.IsCompletion ? question.Stop : [.. question.Stop, .. model.Template.Stop];

    private static string Cut(string text, IReadOnlyList<string> stops) =>
        text[..stops.Select(s => text.IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0).DefaultIfEmpty(text.Length)
            .Min()].Trim();

    private static Conversation Asked(BenchmarkQuestion question, IReadOnlyList<string> earlier)
    {
        var turns = new List<Turn> { new(Role.User, question.Prompt, question.Input) };
        for (var i = 0; i < earlier.Count; i++)
        {
            turns.Add(new Turn(Role.Assistant, earlier[i]));
            turns.Add(new Turn(Role.User, question.FollowUps[i]));
        }
        return new Conversation(turns);
    }

    /// <inheritdoc/>
    public bool Shortens(BenchmarkQuestion question)
    {
        ArgumentNullException.ThrowIfNull(question);
        int? reserved = question.Choices.Count > 0 ? question.Choices.Max(c => ChoiceIds(question, c).Length) : null;
        return EncodePrompt(question, []).Length > Most(reserved);
    }

    /// <summary>
    /// The prompt's token ids. A prompt that leaves no space for an answer loses solved examples; without examples to drop, its
    /// beginning is cut, never its end.
    /// </summary>
    private int[] PromptIds(BenchmarkQuestion question, IReadOnlyList<string> earlier, int? reserved = null)
    {
        var most = Most(reserved);
        var ids = EncodePrompt(question, earlier);
        for (var shots = question.Shots.Count - 1; shots >= 0 && ids.Length > most; shots--)
            ids = EncodePrompt(question with { Prompt = question.PromptWith(shots) }, earlier);
        if (ids.Length <= most) return ids;
        int[] bos = model.Tokenizer is { BosId: { } id } && ids[0] == id ? [id] : [];
        return [.. bos, .. ids[^Math.Max(1, most - bos.Length)..]];
    }

    private int Most(int? reserved) =>
        (int)model.Model.Shape.MaxPositions - (reserved ?? (int)Math.Min(MaxNewTokens, model.Model.Shape.MaxPositions / 2));

    private int[] EncodePrompt(BenchmarkQuestion question, IReadOnlyList<string> earlier) =>
        question.IsCompletion ? Begin(question.Prompt) : model.EncodePrompt(Asked(question, earlier));

    private int[] Begin(string text) =>
        [.. model.Tokenizer is { AddsBos: true, BosId: { } bos } ? [bos] : Array.Empty<int>(),
            .. model.Tokenizer.EncodeSegment(text, true)];

    /// <summary>A sequence scored in one forward pass: a prompt with all but the last token of a choice.</summary>
    private sealed record Row(int Question, int[] Ids, int PromptLength, List<(int Choice, int[] Tokens)> Scored);

    private IEnumerable<Row> Rows(BenchmarkQuestion question, int number)
    {
        var rows = new List<Row>();
        var tokens = question.Choices.Select((choice, i) => (Choice: i, Tokens: ChoiceIds(question, choice))).ToList();
        var prompt = PromptIds(question, [], tokens.Max(t => t.Tokens.Length));
        foreach (var scored in tokens)
        {
            int[] ids = [.. prompt, .. scored.Tokens[..^1]];
            // Choices of one token each, such as letters, share one forward pass over the prompt.
            if (rows.Find(r => r.Ids.AsSpan().SequenceEqual(ids)) is { } same) same.Scored.Add(scored);
            else rows.Add(new(number, ids, prompt.Length, [scored]));
        }
        return rows;
    }

    /// <summary>The tokens that a choice adds to its prompt, encoded together in completions, because token boundaries
    /// differ there.</summary>
    private int[] ChoiceIds(BenchmarkQuestion question, string choice)
    {
        int[] alone = model.Tokenizer.EncodeSegment(choice, first: false);
        if (!question.IsCompletion) return alone;
        var (prompt, whole) = (Begin(question.Prompt), Begin(question.Prompt + choice));
        return whole.Length > prompt.Length && whole.AsSpan(0, prompt.Length).SequenceEqual(prompt)
            ? whole[prompt.Length..] : alone;
    }

    private void Score(List<Row> rows, IReadOnlyList<BenchmarkQuestion> questions, ChoiceLikelihood[][] results)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var width = rows.Max(r => r.Ids.Length);
        var ids = new long[rows.Count * width]; // padding is on the right, where causal attention ignores it
        var (positions, targets) = (new List<long>(), new List<long>());
        foreach (var (r, row) in rows.Index())
        {
            for (var t = 0; t < row.Ids.Length; t++) ids[r * width + t] = row.Ids[t];
            foreach (var (_, tokens) in row.Scored)
                for (var t = 0; t < tokens.Length; t++)
                {
                    positions.Add(r * width + row.PromptLength - 1 + t);
                    targets.Add(tokens[t]);
                }
        }
        var likelihoods = model.Model.LogProbabilities(new ModelInput(tensor(ids, [rows.Count, width])),
            tensor(positions.ToArray()), tensor(targets.ToArray())).cpu().data<double>().ToArray(); // [n]
        var at = 0;
        foreach (var row in rows)
            foreach (var (choice, tokens) in row.Scored)
            {
                results[row.Question][choice] = new(likelihoods.AsSpan(at, tokens.Length).ToArray().Sum(), tokens.Length,
                    questions[row.Question].Choices[choice].Length);
                at += tokens.Length;
            }
    }
}
