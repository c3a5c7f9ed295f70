using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>Settings of a <see cref="Cleaner"/>.</summary>
public sealed record CleaningOptions
{
    /// <summary>Filters to apply, from <see cref="Cleaner.FilterNames"/>; null: all.</summary>
    public IReadOnlyList<string>? Filters { get; init; }

    /// <summary>Languages to keep, as ISO 639-1 codes; empty: no language filter.</summary>
    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>Minimum length of the prompt in characters. Default: 0.</summary>
    public int LeastPrompt { get; init; }

    /// <summary>Maximum length of the prompt in characters. Default: unlimited.</summary>
    public int MostPrompt { get; init; } = int.MaxValue;

    /// <summary>Minimum length of the last answer in characters. Default: 0.</summary>
    public int LeastAnswer { get; init; }

    /// <summary>Maximum length of the last answer in characters. Default: unlimited.</summary>
    public int MostAnswer { get; init; } = int.MaxValue;
}

/// <summary>
/// Applies filters to conversations in a fixed order. A record that one filter removes skips the rest; a repaired record is
/// passed on. The result does not depend on the number of threads.
/// </summary>
public sealed class Cleaner
{
    private readonly ICleaningFilter[] _filters;

    /// <summary>Selects filters.</summary>
    /// <exception cref="InputException">An unknown filter or language.</exception>
    public Cleaner(CleaningOptions? options = null)
    {
        options ??= new();
        var all = All(options);
        var names = all.Select(filter => filter.Name).ToArray();
        foreach (var name in options.Filters ?? [])
            if (!names.Contains(name))
                throw new InputException($"Unknown filter \"{name}\". {Spelling.Suggestion(name, names)}");
        _filters = [.. all.Where(filter => options.Filters?.Contains(filter.Name) ?? true)];
    }

    /// <summary>The names of all filters, in the order of application.</summary>
    public static IReadOnlyList<string> FilterNames { get; } = [.. All(new()).Select(filter => filter.Name)];

    /// <summary>The selected filters, in the order of application.</summary>
    public IReadOnlyList<ICleaningFilter> Filters => _filters;

    /// <summary>Yields the remaining records in order, some of them repaired. Evaluated lazily.</summary>
    /// <param name="records">Enumerated once, on the calling thread.</param>
    /// <param name="onFinding">Called for every removal and repair, in order, on the calling thread.</param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<RecordFinding>? onFinding = null)
    {
        foreach (var (_, (kept, findings)) in records.Map(Judge))
        {
            foreach (var finding in findings) onFinding?.Invoke(finding);
            if (kept is not null) yield return kept;
        }
    }

    private (Conversation? Kept, List<RecordFinding> Findings) Judge(Conversation record)
    {
        var findings = new List<RecordFinding>();
        foreach (var filter in _filters)
        {
            var (reason, repaired, excerpt) = filter.Check(record);
            if (reason is null) continue;
            findings.Add(new RecordFinding(record.Origin, filter.Name, repaired is null ? FindingAction.Removed
                : FindingAction.Repaired, reason)
            {
                Excerpt = excerpt,
            });
            if (repaired is null) return (null, findings);
            record = repaired;
        }
        return (record, findings);
    }

    private static ICleaningFilter[] All(CleaningOptions options) =>
    [
        new EncodingFilter(),
        new EmptyFilter(),
        new LengthFilter(options),
        new LanguageFilter(options.Languages),
        new RepetitionFilter(),
        new RefusalFilter(),
        new TruncationFilter(),
        new OptionLetterFilter(),
    ];
}
