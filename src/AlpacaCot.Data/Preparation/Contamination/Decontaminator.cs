using System.Globalization;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Contamination;

/// <summary>Criteria for overlap with evaluation sets.</summary>
public sealed record ContaminationOptions
{
    /// <summary>N-gram length in words; default 13 as in Brown et al. 2020 (arXiv:2005.14165), appendix C.</summary>
    public int Words { get; init; } = 13;

    /// <summary>N-gram length in characters for scripts without spaces. Default: 20.</summary>
    public int Characters { get; init; } = 20;

    /// <summary>
    /// Minimum share of an evaluation text's n-grams in a removed record, from 0 to 1; at 0 a single n-gram suffices.
    /// </summary>
    public double Overlap { get; init; }

    /// <summary>N-grams shared by more than this number of evaluation texts are boilerplate and ignored. Default: 10.</summary>
    public int MostTexts { get; init; } = 10;
}

/// <summary>
/// Removes records that contain n-grams of evaluation sets. An evaluation text shorter than an n-gram must occur in full; one
/// shorter than half an n-gram is ignored. The result does not depend on the number of threads.
/// </summary>
public sealed class Decontaminator
{
    private const int MostReported = 10;   // evaluation texts for one record

    private readonly ContaminationOptions _options;
    private readonly NgramIndex _index = new();
    private readonly List<string> _origins = [];

    /// <summary>Indexes the evaluation sets.</summary>
    /// <exception cref="InputException">An invalid option, or no text long enough to be searched for.</exception>
    public Decontaminator(IEnumerable<EvaluationText> evaluation, ContaminationOptions? options = null)
    {
        _options = options ?? new();
        if (_options.Words < 2 || _options.Characters < 2)
            throw new InputException("The n-gram length must be at least 2 words or characters.");
        if (_options.Overlap is not (>= 0 and <= 1))
            throw new InputException(string.Create(CultureInfo.InvariantCulture,
                $"The overlap is {_options.Overlap}; it must be between 0 and 1."));
        var units = new List<TextUnit>();
        foreach (var (origin, text) in evaluation)
        {
            TextUnits.Scan(ComparableText.Of(text), units);
            var length = 2 * units.Count(unit => unit.Unspaced) > units.Count ? _options.Characters : _options.Words;
            _index.Add(units, length, (length + 1) / 2);
            _origins.Add(origin);
        }
        CommonNgrams = _index.RemoveCommon(_options.MostTexts);
        if (_index.SearchableTexts == 0)
            throw new InputException($"None of the {_origins.Count} evaluation texts is long enough to search for; "
                + "lower the n-gram length.");
    }

    /// <summary>Number of indexed evaluation texts.</summary>
    public int Texts => _origins.Count;

    /// <summary>Number of evaluation texts with n-grams to search for; the others are too short or only boilerplate.</summary>
    public int SearchableTexts => _index.SearchableTexts;

    /// <summary>Number of n-grams ignored because too many evaluation texts share them.</summary>
    public int CommonNgrams { get; }

    /// <summary>Yields the records without a match, in order. Evaluated lazily.</summary>
    /// <param name="records">Enumerated once, on the calling thread.</param>
    /// <param name="onHit">
    /// Called for each evaluation text found in a removed record, in descending share of its n-grams, with the passage.
    /// </param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<RecordFinding>? onHit = null)
    {
        foreach (var (record, hits) in records.Map(Search))
        {
            if (hits.Count == 0) yield return record;
            foreach (var hit in hits) onHit?.Invoke(hit);
        }
    }

    private List<RecordFinding> Search(Conversation record)
    {
        var units = _scratch ??= [];
        var text = ComparableText.Of(ConversationText.Of(record));
        TextUnits.Scan(text, units);
        var matches = _index.Find(units);
        if (matches.Count == 0) return [];
        return [.. matches.GroupBy(match => match.Text)
            .Select(hit => (hit.Key, Share: hit.DistinctBy(match => match.Gram).Count() / (double)_index.GramCount(hit.Key),
                Hit: hit))
            .Where(hit => hit.Share >= _options.Overlap)
            .OrderByDescending(hit => hit.Share).ThenBy(hit => hit.Key).Take(MostReported)
            .Select(hit => ToFinding(record, text, units, hit.Key, hit.Share, hit.Hit))];
    }

    private RecordFinding ToFinding(Conversation record, string text, List<TextUnit> units, int evaluation, double share,
        IEnumerable<NgramIndex.Match> matches)
    {
        var (start, end) = LongestPassage(matches.OrderBy(match => match.Start));
        var passage = text[units[start].Start..units[end - 1].End];
        return new RecordFinding(record.Origin, "contamination", FindingAction.Removed,
            string.Create(CultureInfo.InvariantCulture,
            $"contains {share:0.0%} of the n-grams of {_origins[evaluation]}; {end - start} words or characters in a row match"))
        {
            Other = _origins[evaluation], Score = share, Excerpt = ConversationText.Excerpt(passage, 240),
        };
    }

    // Overlapping matches form one passage.
    private static (int Start, int End) LongestPassage(IEnumerable<NgramIndex.Match> ordered)
    {
        var (best, current) = ((Start: 0, End: 0), (Start: 0, End: 0));
        foreach (var (_, _, start, length) in ordered)
        {
            current = start < current.End ? (current.Start, start + length) : (start, start + length);
            if (current.End - current.Start > best.End - best.Start) best = current;
        }
        return best;
    }

    [ThreadStatic] private static List<TextUnit>? _scratch;
}
