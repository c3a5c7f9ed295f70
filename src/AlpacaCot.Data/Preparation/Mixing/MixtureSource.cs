using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>One set of a mixture and how much of it is wanted.</summary>
/// <param name="Name">What messages and reports call it.</param>
/// <param name="Open">Starts to read it from its beginning; called once for each pass.</param>
public sealed record MixtureSource(string Name, Func<IEnumerable<Conversation>> Open)
{
    /// <summary>How much a record counts beside those of the other sets: 2 takes each twice, 0.5 every other one.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>
    /// Passes over the set, 1 where none are given. Where shares, a temperature or a size decide how much is taken: the most.
    /// </summary>
    public double? Epochs { get; init; }

    /// <summary>
    /// The part of the whole mixture that this set makes up, above 0 and at most 1; takes the place of a weight.
    /// </summary>
    public double? Share { get; init; }

    /// <summary>
    /// What sets with the same share have in common that make it up together: it is divided among them as a mixture without
    /// shares would be, by weights and records.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>The most records taken from the file, after <see cref="Skip"/>; all when absent.</summary>
    public int? Limit { get; init; }

    /// <summary>Records left out at the start of the file.</summary>
    public int Skip { get; init; }

    internal IEnumerable<Conversation> Records()
    {
        var records = Skip > 0 ? Open().Skip(Skip) : Open();
        return Limit is { } limit ? records.Take(limit) : records;
    }
}

/// <summary>How the sets of a mixture come together.</summary>
public sealed record MixtureOptions
{
    /// <summary>The order of the records.</summary>
    public MixtureOrder Order { get; init; } = MixtureOrder.Sequence;

    /// <summary>
    /// Above 1 small sets gain: a set's part of the mixture is in proportion to weight x records^(1 / temperature), as in
    /// Raffel et al. 2020 (arXiv:1910.10683), 3.5.2. At 1 that is the proportion of the records.
    /// </summary>
    public double? Temperature { get; init; }

    /// <summary>Records in the mixture; sets are repeated or thinned to reach it.</summary>
    public long? Size { get; init; }

    /// <summary>Seed of the shuffled order.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Bytes a shuffle may hold in memory before it goes to the disk.</summary>
    public long Memory { get; init; } = ExternalShuffle.StandardMemory;

    /// <summary>Where a large shuffle keeps its temporary files; the system's folder for them when null.</summary>
    public string? TemporaryFolder { get; init; }
}

/// <summary>The order of the records of a mixture.</summary>
public enum MixtureOrder
{
    /// <summary>One set after the other.</summary>
    Sequence,

    /// <summary>The sets evenly through each other; each keeps its own order.</summary>
    Interleave,

    /// <summary>All records in a random order drawn by the seed.</summary>
    Shuffle,
}

/// <summary>What a mixture turned out to be.</summary>
/// <param name="Fingerprint">The SHA-256 over content and order; see <see cref="ConversationFingerprint"/>.</param>
/// <param name="Records">The number of records.</param>
/// <param name="Parts">What each set gave, in the order of the sets.</param>
public sealed record MixtureReport(string Fingerprint, long Records, IReadOnlyList<MixturePart> Parts);

/// <summary>What one set gave to a mixture.</summary>
/// <param name="Name">The set.</param>
/// <param name="Available">Records it has, after skip and limit.</param>
/// <param name="Taken">Records of the mixture that are from it, repetitions counted.</param>
public sealed record MixturePart(string Name, long Available, long Taken);
