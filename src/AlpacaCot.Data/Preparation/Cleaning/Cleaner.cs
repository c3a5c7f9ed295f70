using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Cleaning;

/// <summary>What the filters of a <see cref="Cleaner"/> go by.</summary>
public sealed record CleaningOptions
{
    /// <summary>Names of the filters to apply, of <see cref="Cleaner.FilterNames"/>; all when null.</summary>
    public IReadOnlyList<string>? Filters { get; init; }

    /// <summary>Languages that stay, as ISO 639-1 codes; with none the filter is off.</summary>
    public IReadOnlyList<string> Languages { get; init; } = [];

    /// <summary>The least characters of what is asked.</summary>
    public int LeastPrompt { get; init; }

    /// <summary>The most characters of what is asked.</summary>
    public int MostPrompt { get; init; } = int.MaxValue;

    /// <summary>The least characters of the last answer.</summary>
    public int LeastAnswer { get; init; }

    /// <summary>The most characters of the last answer.</summary>
    public int MostAnswer { get; init; } = int.MaxValue;
}

/// <summary>
/// Applies filters to conversations: each record goes through all of them in a fixed order until one removes it; a repair
/// goes on to the next filter. The result does not depend on the number of threads.
/// </summary>
public sealed class Cleaner
{
    private readonly ICleaningFilter[] _filters;

    /// <summary>Chooses filters.</summary>
    /// <exception cref="InputException">A filter or language that is not known.</exception>
    public Cleaner(CleaningOptions? options = null)
    {
        options ??= new();
        var all = All(options);
        var names = all.Select(filter => filter.Name).ToArray();
        foreach (var name in options.Filters ?? [])
            if (!names.Contains(name))
                throw new InputException($"There is no filter \"{name}\". {Spelling.Suggestion(name, names)}");
        _filters = [.. all.Where(filter => options.Filters?.Contains(filter.Name) ?? true)];
    }

    /// <summary>The names of all filters, in the order in which they are applied.</summary>
    public static IReadOnlyList<string> FilterNames { get; } = [.. All(new()).Select(filter => filter.Name)];

    /// <summary>The chosen filters, in the order in which they are applied.</summary>
    public IReadOnlyList<ICleaningFilter> Filters => _filters;

    /// <summary>The records that stay, some of them repaired, in their order; read and judged as they are asked for.</summary>
    /// <param name="records">Read once, on the calling thread.</param>
    /// <param name="onFinding">Told of every removal and repair, in order, on the calling thread.</param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<Finding>? onFinding = null)
    {
        foreach (var (_, (kept, findings)) in records.Map(Judge))
        {
            foreach (var finding in findings) onFinding?.Invoke(finding);
            if (kept is not null) yield return kept;
        }
    }

    private (Conversation? Kept, List<Finding> Findings) Judge(Conversation record)
    {
        var findings = new List<Finding>();
        foreach (var filter in _filters)
        {
            var (reason, repaired, excerpt) = filter.Check(record);
            if (reason is null) continue;
            findings.Add(new Finding(record.Origin, filter.Name, repaired is null ? FindingAction.Removed
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
