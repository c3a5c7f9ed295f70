using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Duplicates;

/// <summary>What counts as a duplicate.</summary>
public sealed record DuplicateOptions
{
    /// <summary>
    /// The least Jaccard similarity of the shingle sets of two near duplicates, above 0 and at most 1; null for exact duplicates
    /// only.
    /// </summary>
    public double? Threshold { get; init; } = 0.7;

    /// <summary>Neighbouring words that make a shingle.</summary>
    public int Words { get; init; } = 3;

    /// <summary>Neighbouring characters that make a shingle, in scripts without spaces.</summary>
    public int Characters { get; init; } = 5;

    /// <summary>Where the temporary file of shingles lies; the system's folder for them when null.</summary>
    public string? TemporaryFolder { get; init; }
}

/// <summary>
/// Leaves out exact and near duplicates, the first of which stays. A record is removed only when its true Jaccard similarity
/// with a record that stays was computed and reaches the threshold: hashing finds candidates, never decides. Each record is
/// compared with those that stay alone, so removals do not chain. The result does not depend on the number of threads.
/// </summary>
public sealed class Deduplicator
{
    private const int MostCompared = 512;   // candidates, those that agree in most bands first

    private readonly DuplicateOptions _options;
    private readonly MinHash? _minHash;

    /// <summary>Prepares to compare.</summary>
    /// <exception cref="InputException">A threshold or shingle length that cannot be.</exception>
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
            throw new InputException("A shingle has at least one word or character.");
    }

    /// <summary>
    /// The records that are no duplicate of an earlier one, in their order; read and compared as they are asked for.
    /// </summary>
    /// <param name="records">Read once, on the calling thread.</param>
    /// <param name="onRemoved">Told of each duplicate, with the record that stays and their similarity.</param>
    public IEnumerable<Conversation> Filter(IEnumerable<Conversation> records, Action<Finding>? onRemoved = null)
    {
        using var kept = new KeptRecords(_options.TemporaryFolder ?? Path.GetTempPath());
        var exact = new Dictionary<UInt128, int>();
        var bands = Enumerable.Range(0, _minHash?.Bands ?? 0).Select(_ => new BandTable()).ToArray();
        foreach (var (record, mark) in records.Map(Describe))
        {
            var (other, similarity) = exact.TryGetValue(mark.Content, out var same) ? (same, 1) : FindNear(mark, bands, kept);
            if (other >= 0)
            {
                onRemoved?.Invoke(ToFinding(record, kept.Origin(other), exact.ContainsKey(mark.Content), similarity));
                continue;
            }
            exact.Add(mark.Content, kept.Count);
            for (var band = 0; band < mark.Keys.Length; band++) bands[band].Add(mark.Keys[band], kept.Count);
            kept.Add(record.Origin, mark.Shingles);
            yield return record;
        }
    }

    private (int Record, double Similarity) FindNear(Mark mark, BandTable[] bands, KeptRecords kept)
    {
        var found = new List<int>();
        for (var band = 0; band < mark.Keys.Length; band++) bands[band].Find(mark.Keys[band], found);
        if (found.Count == 0) return (-1, 0);
        var (best, similarity) = (-1, _options.Threshold!.Value);
        foreach (var candidate in MostFrequentFirst(found))
        {
            // Alike sets are of like size, which rules out most that came by chance.
            var (a, b) = (kept.ShingleCount(candidate), mark.Shingles.Length);
            if (Math.Min(a, b) < similarity * Math.Max(a, b)) continue;
            var jaccard = Shingles.Jaccard(kept.Shingles(candidate), mark.Shingles);
            if (best < 0 ? jaccard >= similarity : jaccard > similarity) (best, similarity) = (candidate, jaccard);
        }
        return (best, similarity);
    }

    // Each candidate once, those that agree in most bands first; of equals the earliest, so that the order is fixed.
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
        var buffer = Scratch ??= new();
        buffer.ResetWrittenCount();
        ConversationBytes.WriteDialogue(buffer, record);
        var content = MemoryMarshal.Read<UInt128>(SHA256.HashData(buffer.WrittenSpan));
        if (_minHash is null) return new(content, [], []);
        var shingles = Shingles.Of(ConversationText.Of(record), _options.Words, _options.Characters);
        return new(content, shingles, _minHash.Keys(shingles));
    }

    private static Finding ToFinding(Conversation record, string other, bool exact, double similarity) =>
        new(record.Origin, exact ? "exact duplicate" : "near duplicate", FindingAction.Removed, exact
            ? $"the same as {other}" : string.Create(CultureInfo.InvariantCulture,
                $"Jaccard similarity {similarity:0.000} with {other}"))
        {
            Other = other, Score = similarity, Excerpt = ConversationText.Excerpt(ConversationText.Of(record)),
        };

    [ThreadStatic] private static ArrayBufferWriter<byte>? Scratch;

    private sealed record Mark(UInt128 Content, ulong[] Shingles, uint[] Keys);
}
