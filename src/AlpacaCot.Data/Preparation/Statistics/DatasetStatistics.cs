using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Data.Preparation.Statistics;

/// <summary>Totals of the records in one language.</summary>
/// <param name="Code">ISO 639-1 code, or <c>und</c> if undetermined.</param>
/// <param name="Records">Number of records.</param>
/// <param name="Characters">Number of Unicode characters.</param>
/// <param name="Tokens">Number of tokens; 0 without a tokenizer.</param>
public sealed record LanguageCount(string Code, long Records, long Characters, long Tokens)
{
    /// <summary>Tokens per character (the tokenizer's fertility in this language); 0 without a tokenizer.</summary>
    public double Fertility => Characters == 0 ? 0 : (double)Tokens / Characters;
}

/// <summary>
/// Statistics of a set of conversations, in bounded memory. Reading and accumulating run on the calling thread, measuring on
/// all cores; the result does not depend on their number.
/// </summary>
public sealed class DatasetStatistics
{
    private readonly Dictionary<string, LanguageCount> _languages = new(StringComparer.Ordinal);

    /// <summary>Number of records.</summary>
    public long Records { get; private set; }

    /// <summary>Number of records with an input beside the instruction.</summary>
    public long WithInput { get; private set; }

    /// <summary>Number of records with a system turn.</summary>
    public long WithSystem { get; private set; }

    /// <summary>Prompt length per record, in Unicode characters.</summary>
    public LengthHistogram PromptCharacters { get; } = new();

    /// <summary>Answer length per record, in Unicode characters.</summary>
    public LengthHistogram AnswerCharacters { get; } = new();

    /// <summary>Total length per record, in Unicode characters.</summary>
    public LengthHistogram Characters { get; } = new();

    /// <summary>Prompt length per record, in tokens; empty without a tokenizer.</summary>
    public LengthHistogram PromptTokens { get; } = new();

    /// <summary>Answer length per record, in tokens; empty without a tokenizer.</summary>
    public LengthHistogram AnswerTokens { get; } = new();

    /// <summary>Total length per record, in tokens without a template's; empty without a tokenizer.</summary>
    public LengthHistogram Tokens { get; } = new();

    /// <summary>Number of assistant turns per record.</summary>
    public LengthHistogram Turns { get; } = new();

    /// <summary>Counts of task kinds.</summary>
    public FrequentItems Tasks { get; } = new(10_000);

    /// <summary>Counts of the verbs and question words that start instructions.</summary>
    public FrequentItems Roots { get; } = new();

    /// <summary>Counts of the same words followed by a space and their object.</summary>
    public FrequentItems Phrases { get; } = new();

    /// <summary>Totals per language, in descending number of records.</summary>
    public IReadOnlyList<LanguageCount> Languages =>
        [.. _languages.Values.OrderByDescending(language => language.Records)
            .ThenBy(language => language.Code, StringComparer.Ordinal)];

    /// <summary>Computes the statistics of conversations.</summary>
    /// <param name="conversations">Enumerated once.</param>
    /// <param name="tokenizer">For token counts; null omits them, which is many times faster.</param>
    /// <param name="counted">Receives the number of records so far, at intervals.</param>
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

    /// <summary>Adds the counts of another instance.</summary>
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
