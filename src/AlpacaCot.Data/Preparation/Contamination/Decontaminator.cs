using System.Globalization;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Contamination;

/// <summary>What counts as taken from an evaluation set.</summary>
public sealed record ContaminationOptions
{
    /// <summary>Words in a row that must be the same, as in Brown et al. 2020 (arXiv:2005.14165), appendix C.</summary>
    public int Words { get; init; } = 13;

    /// <summary>Characters in a row that must be the same, in texts of scripts without spaces.</summary>
    public int Characters { get; init; } = 20;

    /// <summary>
    /// The least part of an evaluation text's n-grams that a record must hold to be removed, from 0 to 1; at 0 a single one does.
    /// </summary>
    public double Overlap { get; init; }

    /// <summary>N-grams that more than so many evaluation texts share are the set's own phrases and do not count.</summary>
    public int MostTexts { get; init; } = 10;
}

/// <summary>
/// Leaves out records that hold n-grams of evaluation sets. A question shorter than an n-gram is found where it stands whole,
/// unless it has fewer than half as many words. The result does not depend on the number of threads.
/// </summary>
public sealed class Decontaminator
{
    private const int MostReported = 10;   // evaluation texts for one record

    private readonly ContaminationOptions _options;
    private readonly NgramIndex _index = new();
    private readonly List<string> _origins = [];

    /// <summary>Takes in the evaluation sets.</summary>
    /// <exception cref="InputException">A number that cannot be, or no text that is long enough to be found.</exception>
    public Decontaminator(IEnumerable<EvaluationText> evaluation, ContaminationOptions? options = null)
    {
        _options = options ?? new();
        if (_options.Words < 2 || _options.Characters < 2)
            throw new InputException("An n-gram needs at least 2 words or characters.");
        if (_options.Overlap is not (>= 0 and <= 1))
            throw new InputException(string.Create(CultureInfo.InvariantCulture,
                $"The overlap is {_options.Overlap}; it goes from 0 to 1."));
        var units = new List<TextUnit>();
        foreach (var (origin, text) in evaluation)
        {
            TextUnits.Scan(text, units);
            var length = 2 * units.Count(unit => unit.Unspaced) > units.Count ? _options.Characters : _options.Words;
            _index.Add(units, length, (length + 1) / 2);
            _origins.Add(origin);
        }
        CommonNgrams = _index.RemoveCommon(_options.MostTexts);
        if (_index.SearchableTexts == 0)
            throw new InputException($"None of the {_origins.Count} evaluation texts is long enough to be found; "
                + "lower the n-gram length.");
    }

    /// <summary>Evaluation texts taken in.</summary>
    public int Texts => _origins.Count;

    /// <summary>Evaluation texts that can be found; the others are too short or hold common phrases alone.</summary>
    public int SearchableTexts => _index.SearchableTexts;

    /// <summary>N-grams left out because too many evaluation texts share them.</summary>
    public int CommonNgrams { get; }

    /// <summary>The records without a hit, in their order; read and searched as they are asked for.</summary>
    /// <param name="records">Read once, on the calling thread.</param>
    /// <param name="onHit">
    /// Told of each evaluation text found in a removed record, the fullest first: the share of its n-grams found and the passage.
    /// </param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<Finding>? onHit = null)
    {
        foreach (var (record, hits) in records.Map(Search))
        {
            if (hits.Count == 0) yield return record;
            foreach (var hit in hits) onHit?.Invoke(hit);
        }
    }

    private List<Finding> Search(Conversation record)
    {
        var units = Scratch ??= [];
        var text = ConversationText.Of(record);
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

    private Finding ToFinding(Conversation record, string text, List<TextUnit> units, int evaluation, double share,
        IEnumerable<NgramIndex.Match> matches)
    {
        var (start, end) = LongestPassage(matches.OrderBy(match => match.Start));
        var passage = text[units[start].Start..units[end - 1].End];
        return new Finding(record.Origin, "contamination", FindingAction.Removed, string.Create(CultureInfo.InvariantCulture,
            $"holds {share:0.0%} of the n-grams of {_origins[evaluation]}; {end - start} words or characters in a row are the same"))
        {
            Other = _origins[evaluation], Score = share, Excerpt = ConversationText.Excerpt(passage, 240),
        };
    }

    // Matches that overlap are one passage.
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

    [ThreadStatic] private static List<TextUnit>? Scratch;
}
