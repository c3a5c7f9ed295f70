using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>One data set of a mixture with its amount.</summary>
/// <param name="Name">Name in messages and reports.</param>
/// <param name="Open">Starts an enumeration from the first record; called once per pass.</param>
public sealed record MixtureSource(string Name, Func<IEnumerable<Conversation>> Open)
{
    /// <summary>Relative frequency of a record: 2 takes each twice, 0.5 every other one. Default: 1.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>
    /// Number of passes; null: 1. If shares, a temperature or a size determine the amount, the maximum number of passes.
    /// </summary>
    public double? Epochs { get; init; }

    /// <summary>
    /// Fraction of the whole mixture, above 0 and at most 1; excludes a weight.
    /// </summary>
    public double? Share { get; init; }

    /// <summary>
    /// Group name of sets that have one common share. The share is divided among them like a mixture without shares, by weights
    /// and numbers of records.
    /// </summary>
    public string? Group { get; init; }

    /// <summary>Maximum number of records taken after <see cref="Skip"/>; null: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Number of records skipped at the start.</summary>
    public int Skip { get; init; }

    internal IEnumerable<Conversation> Records()
    {
        var records = Skip > 0 ? Open().Skip(Skip) : Open();
        return Limit is { } limit ? records.Take(limit) : records;
    }
}

/// <summary>How the sets of a mixture are combined.</summary>
public sealed record MixtureOptions
{
    /// <summary>Order of the records.</summary>
    public MixtureOrder Order { get; init; } = MixtureOrder.Sequence;

    /// <summary>
    /// Sampling temperature: a set's fraction is proportional to weight x records^(1 / temperature), as in Raffel et al. 2020
    /// (arXiv:1910.10683), 3.5.2. 1 is proportional to the size; larger values favour small sets.
    /// </summary>
    public double? Temperature { get; init; }

    /// <summary>Number of records in the mixture; sets are repeated or subsampled to reach it.</summary>
    public long? Size { get; init; }

    /// <summary>Seed of the shuffle. Default: 42.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>Memory limit of the shuffle in bytes; beyond it the shuffle uses the disk.</summary>
    public long Memory { get; init; } = ExternalShuffle.StandardMemory;

    /// <summary>Folder for temporary files of a large shuffle; null: the system's temporary folder.</summary>
    public string? TemporaryFolder { get; init; }
}

/// <summary>Order of the records of a mixture.</summary>
public enum MixtureOrder
{
    /// <summary>The sets one after another.</summary>
    Sequence,

    /// <summary>The sets evenly interleaved; each keeps its own order.</summary>
    Interleave,

    /// <summary>All records in random order, determined by the seed.</summary>
    Shuffle,
}

/// <summary>Statistics of a mixture.</summary>
/// <param name="Fingerprint">SHA-256 over content and order; see <see cref="ConversationFingerprint"/>.</param>
/// <param name="Records">Number of records.</param>
/// <param name="Parts">Contribution of each set, in the order of the sets.</param>
public sealed record MixtureReport(string Fingerprint, long Records, IReadOnlyList<MixturePart> Parts);

/// <summary>Contribution of one set to a mixture.</summary>
/// <param name="Name">Name of the set.</param>
/// <param name="Available">Number of records in the set, after skip and limit.</param>
/// <param name="Taken">Number of its records in the mixture, including repetitions.</param>
public sealed record MixturePart(string Name, long Available, long Taken);
