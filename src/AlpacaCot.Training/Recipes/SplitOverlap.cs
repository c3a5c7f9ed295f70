using AlpacaCot.Data.Preparation.Duplicates;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using AlpacaCot.Text.Examples;
using static System.FormattableString;

namespace AlpacaCot.Training.Recipes;

/// <summary>The conversations of the first examples of a data set, for comparisons of bounded cost.</summary>
internal sealed class RecordSample
{
    /// <summary>The number of examples whose conversations are kept.</summary>
    public const int Most = 20_000;

    private readonly List<Conversation?> _records; // by example

    public RecordSample() => _records = [];

    /// <summary>The sample that <see cref="Kept"/> was taken from.</summary>
    public RecordSample(IReadOnlyList<Conversation?> kept) => _records = [.. kept];

    /// <summary>The conversation of each example; null for an example without one.</summary>
    public IReadOnlyList<Conversation?> Kept => _records;

    /// <summary>Passes rows on and keeps the conversation of each example's first row.</summary>
    public IEnumerable<TokenizedExample> Keeping(IEnumerable<TokenizedExample> rows, int rowsPerExample)
    {
        var row = 0L;
        foreach (var one in rows)
        {
            if (row++ % rowsPerExample == 0 && _records.Count < Most) _records.Add(one.From);
            yield return one;
        }
    }

    /// <summary>The sample of a part of the examples.</summary>
    public RecordSample Of(IEnumerable<int> examples) =>
        new(examples.TakeWhile(e => e < _records.Count).Select(e => _records[e]).ToList());

    /// <summary>The conversations.</summary>
    public IReadOnlyList<Conversation> Records => [.. _records.OfType<Conversation>()];
}

/// <summary>Finds validation records that nearly repeat a training record: the validation loss of such a record is too
/// low.</summary>
internal static class SplitOverlap
{
    private const double Similarity = 0.8; // Jaccard index of word triples

    /// <summary>A note about near-duplicates on both sides; null for none.</summary>
    public static string? Note(RecordSample training, RecordSample validation)
    {
        var (trained, validated) = (training.Records, validation.Records);
        if (trained.Count == 0 || validated.Count == 0) return null;
        var found = new Dictionary<int, (int Trained, double Score)>();
        try
        {
            // Validation records come first, so that training records are compared with them.
            var records = Marked(validated, "v").Concat(Marked(trained, "t"));
            foreach (var _ in new Deduplicator(new() { Threshold = Similarity }).Filter(records, finding =>
            {
                if (finding.Record[0] == 't' && finding.Other![0] == 'v')
                    found.TryAdd(Number(finding.Other), (Number(finding.Record), finding.Score ?? 1));
            }))
            {
            }
        }
        catch (Exception e) when (e is InputException or IOException)
        {
            return $"near-duplicates across the split were not looked for: {e.Message}";
        }
        if (found.Count == 0) return null;
        var (at, pair) = found.MinBy(f => f.Key);
        var (own, other) = (validated[at].Origin, trained[pair.Trained].Origin);
        var example = own.Length > 0 && other.Length > 0
            ? Invariant($" (for example {own} and {other}, similarity {pair.Score:0.00})") : "";
        return Invariant($"{found.Count:N0} of {validated.Count:N0} validation records nearly repeat a training ")
            + Invariant($"record{example}, ")
            + Invariant($"so the validation loss is too low ({trained.Count:N0} training records compared). ")
            + "\"alpaca-cot data dedupe\" removes near-duplicates beforehand";
    }

    private static IEnumerable<Conversation> Marked(IEnumerable<Conversation> records, string side) =>
        records.Select((record, i) => record with { Origin = Invariant($"{side}{i}") });

    private static int Number(string mark) => int.Parse(mark.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture);
}
