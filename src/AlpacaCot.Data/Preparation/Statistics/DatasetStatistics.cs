using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>What the records of one language come to.</summary>
/// <param name="Code">ISO 639-1, or <c>und</c> where nothing tells.</param>
/// <param name="Records">How many records.</param>
/// <param name="Characters">Their Unicode characters.</param>
/// <param name="Tokens">Their tokens; 0 without a tokenizer.</param>
public sealed record LanguageCount(string Code, long Records, long Characters, long Tokens)
{
    /// <summary>Tokens a character, the fertility of the tokenizer in this language; 0 without a tokenizer.</summary>
    public double Fertility => Characters == 0 ? 0 : (double)Tokens / Characters;
}

/// <summary>
/// The counts of a set of conversations. Memory does not grow with the set. Reading and adding is done on the calling thread,
/// measuring on all others; the result is the same for any number of them.
/// </summary>
public sealed class DatasetStatistics
{
    private readonly Dictionary<string, LanguageCount> _languages = new(StringComparer.Ordinal);

    /// <summary>How many records.</summary>
    public long Records { get; private set; }

    /// <summary>How many have material beside an instruction.</summary>
    public long WithInput { get; private set; }

    /// <summary>How many have standing instructions.</summary>
    public long WithSystem { get; private set; }

    /// <summary>The characters of what is asked, a record each.</summary>
    public LengthHistogram PromptCharacters { get; } = new();

    /// <summary>The characters of what is answered.</summary>
    public LengthHistogram AnswerCharacters { get; } = new();

    /// <summary>The characters of the whole.</summary>
    public LengthHistogram Characters { get; } = new();

    /// <summary>The tokens of what is asked; empty without a tokenizer, as the next two.</summary>
    public LengthHistogram PromptTokens { get; } = new();

    /// <summary>The tokens of what is answered.</summary>
    public LengthHistogram AnswerTokens { get; } = new();

    /// <summary>The tokens of the whole, without those of a template.</summary>
    public LengthHistogram Tokens { get; } = new();

    /// <summary>How often the assistant speaks.</summary>
    public LengthHistogram Turns { get; } = new();

    /// <summary>The kinds of tasks.</summary>
    public FrequentItems Tasks { get; } = new(10_000);

    /// <summary>The verbs and question words that instructions begin with.</summary>
    public FrequentItems Roots { get; } = new();

    /// <summary>The same with what they are about, a space between.</summary>
    public FrequentItems Phrases { get; } = new();

    /// <summary>The languages, the one with most records first.</summary>
    public IReadOnlyList<LanguageCount> Languages =>
        [.. _languages.Values.OrderByDescending(language => language.Records)
            .ThenBy(language => language.Code, StringComparer.Ordinal)];

    /// <summary>Counts conversations as they come.</summary>
    /// <param name="conversations">The conversations; read once.</param>
    /// <param name="tokenizer">Counts tokens; null leaves them out, which is many times faster.</param>
    /// <param name="counted">Is told now and then how many were counted.</param>
    public static DatasetStatistics Of(IEnumerable<Conversation> conversations, Tokenizer? tokenizer = null,
        Action<long>? counted = null)
    {
        var statistics = new DatasetStatistics();
        foreach (var (_, measure) in conversations.Map(conversation => RecordMeasure.Of(conversation, tokenizer)))
        {
            statistics.Add(measure, tokenizer is not null);
            if (statistics.Records % 1000 == 0) counted?.Invoke(statistics.Records);
        }
        counted?.Invoke(statistics.Records);
        return statistics;
    }

    /// <summary>Adds all that another one has counted.</summary>
    public void Add(DatasetStatistics other)
    {
        Records += other.Records;
        WithInput += other.WithInput;
        WithSystem += other.WithSystem;
        foreach (var (mine, theirs) in Lengths.Zip(other.Lengths)) mine.Add(theirs);
        Tasks.Add(other.Tasks);
        Roots.Add(other.Roots);
        Phrases.Add(other.Phrases);
        foreach (var language in other._languages.Values) Add(language);
    }

    private LengthHistogram[] Lengths =>
        [PromptCharacters, AnswerCharacters, Characters, PromptTokens, AnswerTokens, Tokens, Turns];

    private void Add(in RecordMeasure measure, bool withTokens)
    {
        var (characters, tokens) = (measure.Characters, measure.Tokens);
        Records++;
        if (measure.HasInput) WithInput++;
        if (measure.HasSystem) WithSystem++;
        PromptCharacters.Add(characters.Prompt);
        AnswerCharacters.Add(characters.Answer);
        Characters.Add(characters.Prompt + characters.Answer);
        if (withTokens)
        {
            PromptTokens.Add(tokens.Prompt);
            AnswerTokens.Add(tokens.Answer);
            Tokens.Add(tokens.Prompt + tokens.Answer);
        }
        Turns.Add(measure.Answers);
        Tasks.Add(measure.Task);
        if (measure.Opening.Root.Length > 0) Roots.Add(measure.Opening.Root);
        if (measure.Opening.Object.Length > 0) Phrases.Add($"{measure.Opening.Root} {measure.Opening.Object}");
        Add(new LanguageCount(measure.Language, 1, characters.Prompt + characters.Answer, tokens.Prompt + tokens.Answer));
    }

    private void Add(LanguageCount more)
    {
        var sum = _languages.GetValueOrDefault(more.Code) ?? new(more.Code, 0, 0, 0);
        _languages[more.Code] = new(more.Code, sum.Records + more.Records, sum.Characters + more.Characters,
            sum.Tokens + more.Tokens);
    }
}
