using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>Criteria for duplicates.</summary>
public sealed record DuplicateOptions
{
    /// <summary>
    /// Minimum Jaccard similarity of two near duplicates' shingle sets, above 0 and at most 1; null: exact duplicates only.
    /// Default: 0.7.
    /// </summary>
    public double? Threshold { get; init; } = 0.7;

    /// <summary>Shingle length in words. Default: 3.</summary>
    public int Words { get; init; } = 3;

    /// <summary>Shingle length in characters for scripts without spaces. Default: 5.</summary>
    public int Characters { get; init; } = 5;

    /// <summary>Folder of the temporary shingle file; null: the system's temporary folder.</summary>
    public string? TemporaryFolder { get; init; }
}

/// <summary>
/// Removes exact and near duplicates, keeping the first. A record is removed only if its exact Jaccard similarity with a kept
/// record reaches the threshold; MinHash only selects candidates. Records are compared with kept records only, so removals do
/// not chain. The result does not depend on the number of threads.
/// </summary>
public sealed class Deduplicator
{
    private const int MostCompared = 512;   // candidates, in descending number of matching bands

    private readonly DuplicateOptions _options;
    private readonly MinHash? _minHash;

    /// <summary>Creates a deduplicator.</summary>
    /// <exception cref="InputException">An invalid threshold or shingle length.</exception>
    public Deduplicator(DuplicateOptions? options = null)
    {
        _options = options ?? new();
        if (_options.Threshold is { } threshold)
        {
            if (threshold is not (> 0 and <= 1))
                throw new InputException(string.Create(CultureInfo.InvariantCulture,
                    $"The threshold of near duplicates is {threshold}; it must be above 0 and at most 1."));
            _minHash = new MinHash(threshold);
        }
        if (_options.Words < 1 || _options.Characters < 1)
            throw new InputException("The shingle length must be at least one word or character.");
    }

    /// <summary>
    /// Yields the records that are not duplicates of an earlier one, in order. Evaluated lazily.
    /// </summary>
    /// <param name="records">Enumerated once, on the calling thread.</param>
    /// <param name="onRemoved">Called for each duplicate, with the kept record and their similarity.</param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<RecordFinding>? onRemoved = null)
    {
        using var kept = new KeptRecords(_options.TemporaryFolder ?? Path.GetTempPath());
        var exact = new ContentTable();
        var scratch = new SettlingArrays();
        var bands = Enumerable.Range(0, _minHash?.Bands ?? 0).Select(_ => new BandTable(scratch)).ToArray();
        var alike = new int[bands.Length];   // kept records with the record's key, by band
        foreach (var (record, mark) in records.Map(Describe))
        {
            var same = exact.Find(mark.Content);
            var (other, similarity) = same >= 0 ? (same, 1) : FindNear(mark, bands, kept, alike);
            if (other >= 0)
            {
                onRemoved?.Invoke(ToFinding(record, kept.Origin(other), same >= 0, similarity));
                continue;
            }
            exact.Add(mark.Content);
            for (var band = 0; band < mark.Keys.Length; band++) bands[band].Add(mark.Keys[band], kept.Count, alike[band]);
            kept.Add(record.Origin, mark.Shingles);
            yield return record;
        }
    }

    private (int Record, double Similarity) FindNear(Mark mark, BandTable[] bands, KeptRecords kept, int[] alike)
    {
        var found = new List<int>();
        for (var band = 0; band < mark.Keys.Length; band++) alike[band] = bands[band].Find(mark.Keys[band], found);
        if (found.Count == 0) return (-1, 0);
        var (best, similarity) = (-1, _options.Threshold!.Value);
        foreach (var candidate in MostFrequentFirst(found))
        {
            // Similar sets have similar sizes, which rejects most random candidates.
            var (a, b) = (kept.ShingleCount(candidate), mark.Shingles.Length);
            if (Math.Min(a, b) < similarity * Math.Max(a, b)) continue;
            var jaccard = Shingles.Jaccard(kept.Shingles(candidate), mark.Shingles);
            if (best < 0 ? jaccard >= similarity : jaccard > similarity) (best, similarity) = (candidate, jaccard);
        }
        return (best, similarity);
    }

    // Each candidate once, by descending number of matching bands, then by ascending number, for a deterministic order.
    private static IEnumerable<int> MostFrequentFirst(List<int> found)
    {
        found.Sort();
        var candidates = new List<(int Bands, int Record)>();
        foreach (var record in found)
        {
            if (candidates.Count > 0 && candidates[^1].Record == record) candidates[^1] = (candidates[^1].Bands - 1, record);
            else candidates.Add((-1, record));
        }
        candidates.Sort();
        return candidates.Take(MostCompared).Select(candidate => candidate.Record);
    }

    private Mark Describe(Conversation record)
    {
        var buffer = _scratch ??= new();
        buffer.ResetWrittenCount();
        ConversationBytes.WriteDialogue(buffer, record, compared: true);
        var content = MemoryMarshal.Read<UInt128>(SHA256.HashData(buffer.WrittenSpan));
        if (_minHash is null) return new(content, [], []);
        var shingles = Shingles.Of(ConversationText.Of(record), _options.Words, _options.Characters, Discrete(record));
        return new(content, shingles, _minHash.Keys(shingles));
    }

    /// <summary>A number for the tool calls and media of a record, 0 for none: records that differ in one are not
    /// similar.</summary>
    private static ulong Discrete(Conversation record)
    {
        var number = 0UL;
        foreach (var turn in record.Rejected is { } rejected ? record.Turns.Concat(rejected.Turns) : record.Turns)
        {
            if (turn.Calls.Count + turn.Media.Count == 0) continue;
            var buffer = new ArrayBufferWriter<byte>();
            ConversationBytes.WriteDialogue(buffer, new([new Turn(turn.Role, "") { Calls = turn.Calls, Media = turn.Media }]),
                compared: true);
            number = TextUnits.Mix(number ^ MemoryMarshal.Read<ulong>(SHA256.HashData(buffer.WrittenSpan)));
        }
        return number;
    }

    private static RecordFinding ToFinding(Conversation record, string other, bool exact, double similarity) =>
        new(record.Origin, exact ? "exact duplicate" : "near duplicate", FindingAction.Removed, exact
            ? $"identical to {other}" : string.Create(CultureInfo.InvariantCulture,
                $"Jaccard similarity {similarity:0.000} with {other}"))
        {
            Other = other, Score = similarity, Excerpt = ConversationText.Excerpt(ConversationText.Of(record)),
        };

    [ThreadStatic] private static ArrayBufferWriter<byte>? _scratch;

    private sealed record Mark(UInt128 Content, ulong[] Shingles, uint[] Keys);
}
