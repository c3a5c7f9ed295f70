using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>
/// Several sets as one stream of conversations: so much of each, in an order, the same for the same sets, options and seed.
/// Sets are read as the mixture is; nothing but a shuffle, which is bounded, holds more than a record of each. Where amounts
/// depend on the sizes of all sets, these are counted first. A set that gives more than it has is passed over again, so that
/// repeated records lie far apart; one that gives less, or part of a pass, gives records at even distances.
/// </summary>
public sealed class Mixture
{
    private readonly IReadOnlyList<MixtureSource> _sources;
    private readonly MixtureOptions _options;

    /// <summary>Describes a mixture; nothing is read yet.</summary>
    /// <exception cref="InputException">A weight, share or other number that cannot be.</exception>
    public Mixture(IReadOnlyList<MixtureSource> sources, MixtureOptions? options = null)
    {
        (_sources, _options) = (sources, options ?? new());
        MixturePlan.Check(_sources, _options);
    }

    /// <summary>What the mixture turned out to be; null until one reading has come to its end.</summary>
    public MixtureReport? Report { get; private set; }

    /// <summary>Draws the mixture, each time the same.</summary>
    /// <exception cref="InputException">While enumerating: a set is broken, or empty where a part of it was wanted.</exception>
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

    // Next is the set that lags most behind its even pace: its k-th of n records belongs at (k - 1/2) / n of the way.
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

        /// <summary>Records in a pass; known from the start where they were counted, else after the first pass.</summary>
        public long Available { get; set; }

        /// <summary>Records to give, where they were counted.</summary>
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

        /// <param name="upTo">How many of the first i records are taken.</param>
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
