using System.Globalization;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Preparation.Mixing;

/// <summary>Computes each set's number of records from shares, temperature or size.</summary>
internal static class MixturePlan
{
    /// <summary>Whether the amounts depend on the sizes of all sets.</summary>
    public static bool IsNeeded(IReadOnlyList<MixtureSource> sources, MixtureOptions options) =>
        options.Temperature is not null || options.Size is not null || sources.Any(source => source.Share is not null);

    /// <summary>Validates options without reading data.</summary>
    /// <exception cref="InputException">An invalid number, or shares that do not add up.</exception>
    public static void Check(IReadOnlyList<MixtureSource> sources, MixtureOptions options)
    {
        if (sources.Count == 0) throw new InputException("A mixture needs at least one set.");
        if (options.Temperature is { } temperature && !(temperature > 0 && double.IsFinite(temperature)))
            throw new InputException(Text($"The temperature of a mixture is {temperature}; it must be above 0."));
        if (options.Size < 1) throw new InputException(Text($"The size of a mixture is {options.Size}; it must be at least 1."));
        foreach (var source in sources)
        {
            if (!(source.Weight > 0 && double.IsFinite(source.Weight)))
                throw new InputException(Text($"{source.Name}: the weight is {source.Weight}; it must be above 0."));
            if (source.Epochs is { } epochs && !(epochs > 0 && double.IsFinite(epochs)))
                throw new InputException(Text($"{source.Name}: the epochs are {epochs}; they must be above 0."));
            if (source.Share is { } share && share is not (> 0 and <= 1))
                throw new InputException(Text($"{source.Name}: the share is {share}; it must be above 0 and at most 1."));
            if (source is { Share: not null, Weight: not 1, Group: null })
                throw new InputException($"{source.Name}: a share and a weight exclude each other; omit the weight.");
        }
        foreach (var group in sources.Where(source => source.Group is not null).GroupBy(source => source.Group))
            if (group.Any(source => source.Share != group.First().Share))
                throw new InputException($"{string.Join(", ", group.Select(source => source.Name))}: sets of one group have one "
                    + "common share; set the same share for each.");
        var sum = Shares(sources);
        if (sum > 1 + 1e-9) throw new InputException(Text($"The shares add up to {sum:0.####}, more than 1."));
        if (sources.All(source => source.Share is not null) && sum < 1 - 1e-9)
            throw new InputException(Text($"The shares add up to {sum:0.####}, but no set without a share fills the rest. ")
                + "Make them add up to 1, or omit the share of one set.");
        if (sum > 1 - 1e-9 && sources.FirstOrDefault(source => source.Share is null) is { } empty)
            throw new InputException($"{empty.Name}: the shares of the other sets already add up to 1.");
    }

    /// <summary>The number of records of each set; rounding differs from the exact value by less than one.</summary>
    /// <param name="sources">The sets.</param>
    /// <param name="available">Number of records in each set.</param>
    /// <param name="options">Temperature and size.</param>
    /// <exception cref="InputException">A set is empty, or the size needs more passes than a set's epochs allow.</exception>
    public static long[] Amounts(IReadOnlyList<MixtureSource> sources, IReadOnlyList<long> available, MixtureOptions options)
    {
        foreach (var (source, records) in sources.Zip(available))
            if (records == 0) throw new InputException($"{source.Name}: the set has no records to mix.");
        var parts = Parts(sources, available, options.Temperature ?? 1);
        var most = sources.Zip(available, (source, records) => Math.Max(1, Math.Floor(records * (source.Epochs ?? 1)))).ToArray();
        // Without a size, no record is repeated beyond the epochs: the first set to run out limits the mixture.
        var total = options.Size ?? Math.Max(1, (long)Math.Floor(parts.Zip(most, (part, limit) => limit / part).Min() + 1e-9));
        var amounts = Apportion(parts, total);
        for (var i = 0; i < amounts.Length; i++)
            if (sources[i].Epochs is { } epochs && amounts[i] > most[i])
                throw new InputException(Text($"{sources[i].Name}: a mixture of {total:N0} records needs {amounts[i]:N0} of ")
                    + Text($"this set, {(double)amounts[i] / available[i]:0.##} passes over its {available[i]:N0}, but its ")
                    + Text($"epochs are {epochs}. ") + "Lower the size or raise the epochs.");
        return amounts;
    }

    private static double[] Parts(IReadOnlyList<MixtureSource> sources, IReadOnlyList<long> available, double temperature)
    {
        var pull = sources.Zip(available, (source, records) => source.Weight * Math.Pow(records, 1 / temperature)).ToArray();
        var rest = 1 - Shares(sources);
        // Groups that divide a quantity among them: a common share, or the remainder after all shares.
        var divisions = sources.Select((source, i) => source.Share is null ? "" : source.Group ?? $"\0{i}").ToArray();
        var together = divisions.Zip(pull).ToLookup(pair => pair.First, pair => pair.Second);
        return [.. sources.Select((source, i) => (source.Share ?? rest) * pull[i] / together[divisions[i]].Sum())];
    }

    // The share of a group counts once.
    private static double Shares(IReadOnlyList<MixtureSource> sources) =>
        sources.Where(source => source.Group is null).Sum(source => source.Share ?? 0)
        + sources.Where(source => source.Group is not null).DistinctBy(source => source.Group).Sum(source => source.Share ?? 0);

    // Largest-remainder rounding: integers nearest to the parts that sum to the total.
    private static long[] Apportion(double[] parts, long total)
    {
        var exact = parts.Select(part => part * total).ToArray();
        var amounts = exact.Select(amount => (long)Math.Floor(amount + 1e-9)).ToArray();
        var left = total - amounts.Sum();
        var byRemainder = Enumerable.Range(0, parts.Length).OrderByDescending(i => exact[i] - amounts[i]);
        foreach (var i in byRemainder.Take((int)Math.Max(0, left)))
            amounts[i]++;
        return amounts;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
