using System.Globalization;

namespace AlpacaCot.Bench.Fuzz;

/// <summary>Damages files of all readers for some minutes and prints a table; the time is divided between the readers.</summary>
internal static class FuzzBench
{
    /// <param name="args">Minutes, part of a reader's name, and the number of one file to repeat.</param>
    /// <returns>0 where no reader failed, else 1.</returns>
    public static int Run(string[] args)
    {
        using var targets = new FuzzTargets();
        var minutes = args.Length > 0 ? double.Parse(args[0], CultureInfo.InvariantCulture) : 10;
        var chosen = targets.All.Where(t => args.Length < 2 || t.Name.Contains(args[1], StringComparison.Ordinal)).ToList();
        if (args.Length > 2)
        {
            foreach (var target in chosen)
                Console.WriteLine($"{target.Name}: "
                    + $"{target.Try(long.Parse(args[2], CultureInfo.InvariantCulture)).Failure ?? "no failure"}");
            return 0;
        }
        Console.WriteLine(FuzzTarget.Header);
        var (inputs, accepted, refused, failed, slowest, peak) = (0L, 0L, 0L, new List<string>(), TimeSpan.Zero, 0L);
        foreach (var target in chosen)
        {
            var o = target.Run(0, long.MaxValue / 2, TimeSpan.FromMinutes(minutes / chosen.Count));
            Console.WriteLine(FuzzTarget.Row(target.Name, o));
            (inputs, accepted, refused) = (inputs + o.Inputs, accepted + o.Accepted, refused + o.Refused);
            if (o.Slowest > slowest) slowest = o.Slowest;
            peak = Math.Max(peak, o.PeakMegabytes);
            if (target.UnreadSeeds() is { } unread) failed.Add($"\n{target.Name}: no seed is read: {unread}");
            failed.AddRange(o.Failures.Select(f => $"\nfuzz 1 \"{target.Name}\" {f.Number}: {f.What}"));
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{"all",-24} {inputs,8} {accepted,9} {refused,9} {failed.Count,9} {slowest.TotalSeconds,10:0.00} {peak,8}"));
        foreach (var one in failed) Console.WriteLine(one.Length > 1500 ? one[..1500] : one);
        return failed.Count == 0 ? 0 : 1;
    }
}
