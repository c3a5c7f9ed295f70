using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>
/// Combines several data sets into one stream of conversations, deterministic for the same sets, options and seed. Sets are
/// streamed: apart from a shuffle, which has a memory limit, at most one record per set is in memory. If amounts depend on the
/// sizes of all sets, the sets are counted first. A set that contributes more than its size is passed repeatedly, so repeated
/// records are far apart; one that contributes a fraction of a pass contributes records at even distances.
/// </summary>
public sealed class Mixture
{
    private readonly IReadOnlyList<MixtureSource> _sources;
    private readonly MixtureOptions _options;

    /// <summary>Configures a mixture without reading any data.</summary>
    /// <exception cref="InputException">An invalid weight, share or other number.</exception>
    public Mixture(IReadOnlyList<MixtureSource> sources, MixtureOptions? options = null)
    {
        (_sources, _options) = (sources, options ?? new());
        MixturePlan.Check(_sources, _options);
    }

    /// <summary>Statistics of the mixture; null until one enumeration has completed.</summary>
    public MixtureReport? Report { get; private set; }

    /// <summary>Samples the mixture; every enumeration yields the same records.</summary>
    /// <exception cref="InputException">During enumeration: a set is unreadable, or empty although needed, or no set gives a
    /// record.</exception>
    public IEnumerable<Conversation> Read()
    {
        var parts = _sources.Select(source => new Part(source)).ToArray();
        if (_options.Order == MixtureOrder.Interleave || MixturePlan.IsNeeded(_sources, _options)) Count(parts);
        var records = _options.Order switch
        {
            MixtureOrder.Interleave => Interleave(parts),
            MixtureOrder.Shuffle => ExternalShuffle.Shuffle(parts.SelectMany(part => part.Draw()), _options.Seed, _options.Memory,
                _options.TemporaryFolder),
            _ => parts.SelectMany(part => part.Draw()),
        };
        using var fingerprint = new ConversationFingerprint();
        var count = 0L;
        foreach (var record in records)
        {
            fingerprint.Add(record);
            count++;
            yield return record;
        }
        if (count == 0)
            throw new InputException("The mixture has no records: "
                + string.Join(", ", parts.Select(part => $"{part.Source.Name} gives {part.Taken} of {part.Available}"))
                + ". Check weight, epochs, limit and skip.");
        Report = new MixtureReport(fingerprint.ToString(), count,
            [.. parts.Select(part => new MixturePart(part.Source.Name, part.Available, part.Taken))]);
    }

    private void Count(Part[] parts)
    {
        foreach (var part in parts) part.Available = part.Source.Records().LongCount();
        if (!MixturePlan.IsNeeded(_sources, _options))
        {
            foreach (var part in parts) part.Amount = (long)Math.Floor(part.Available * part.Passes + 1e-9);
            return;
        }
        var amounts = MixturePlan.Amounts(_sources, [.. parts.Select(part => part.Available)], _options);
        foreach (var (part, amount) in parts.Zip(amounts)) part.Amount = amount;
    }

    // Choose the set that lags most behind its schedule: its k-th of n records is due at (k - 1/2) / n of the total.
    private static IEnumerable<Conversation> Interleave(Part[] parts)
    {
        var streams = Array.ConvertAll(parts, part => part.Draw().GetEnumerator());
        try
        {
            while (true)
            {
                var next = -1;
                for (var i = 0; i < parts.Length; i++)
                {
                    if (parts[i].Taken >= parts[i].Amount) continue;
                    if (next < 0 || (Int128)(2 * parts[i].Taken + 1) * parts[next].Amount!.Value
                        < (Int128)(2 * parts[next].Taken + 1) * parts[i].Amount!.Value) next = i;
                }
                if (next < 0 || !streams[next].MoveNext()) yield break;
                yield return streams[next].Current;
            }
        }
        finally
        {
            foreach (var stream in streams) stream.Dispose();
        }
    }

    private sealed class Part(MixtureSource source)
    {
        public MixtureSource Source => source;

        /// <summary>Records per pass; known at the start if counted, else after the first pass.</summary>
        public long Available { get; set; }

        /// <summary>Number of records to contribute, if counted.</summary>
        public long? Amount { get; set; }

        public long Taken { get; private set; }

        public double Passes => source.Weight * (source.Epochs ?? 1);

        public IEnumerable<Conversation> Draw()
        {
            var whole = Amount is { } amount ? amount / Math.Max(1, Available) : (long)Math.Floor(Passes);
            for (var pass = 0L; pass < whole; pass++)
                foreach (var record in Pass(upTo: i => i)) yield return record;
            Func<long, long> upTo = Amount is { } total
                ? i => (long)((Int128)i * (total % Math.Max(1, Available)) / Math.Max(1, Available))
                : i => (long)Math.Floor(i * (Passes - whole) + 1e-9);
            if (Amount is { } all ? Taken < all : Passes > whole)
                foreach (var record in Pass(upTo)) yield return record;
        }

        /// <param name="upTo">Maps i to the number of records taken from the first i.</param>
        private IEnumerable<Conversation> Pass(Func<long, long> upTo)
        {
            var read = 0L;
            foreach (var record in source.Records())
            {
                read++;
                if (upTo(read) == upTo(read - 1)) continue;
                Taken++;
                yield return record;
            }
            Available = read;
        }
    }
}
