using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Data.Preparation.Cleaning;
using AlpacaCot.Data.Preparation.Duplicates;
using AlpacaCot.Data.Preparation.Mixing;
using AlpacaCot.Data.Preparation.Statistics;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Tests;

namespace AlpacaCot.Bench;

/// <summary>
/// Speed of reading, statistics, near-duplicate removal, mixing and cleaning on a large set of repeated and perturbed records.
/// Each step runs in its own process for its peak memory. Also prints the recall of the planted duplicates.
/// </summary>
internal static class PreparationBench
{
    public const string Usage = "preparation RECORDS FILE...";

    public static void Run(string[] args)
    {
        if (args is ["step", var step, var path, var findings]) RunStep(step, path, findings);
        else if (args is [var count, _, ..] && int.TryParse(count, CultureInfo.InvariantCulture,
            out var records)) Measure(records, args[1..]);
        else Console.Error.WriteLine($"usage: {Usage}");
    }

    private static void Measure(int count, string[] files)
    {
        var set = new PlantedSet([.. files.SelectMany(file => InstructionFile.Read(file))], count);
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-bench-");
        try
        {
            var (path, findings) = (Path.Combine(folder.FullName, "set.jsonl"), Path.Combine(folder.FullName, "findings.tsv"));
            Write(set, path);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{Environment.ProcessorCount} cores; {count:N0} records made of ")
                + string.Create(CultureInfo.InvariantCulture,
                    $"{set.Bases:N0} real ones, {new FileInfo(path).Length / 1e6:N0} MB of JSON lines"));
            Console.WriteLine($"{"step",-8} {"seconds",8} {"CPU s",8} {"MB/s",8} {"MB/CPU s",9} {"peak MB",8}  result");
            foreach (var step in (string[])["read", "stats", "dedupe", "mix", "clean"])
            {
                using var child = Process.Start(Environment.ProcessPath!, ["preparation", "step", step, path, findings]);
                child.WaitForExit();
                if (step == "dedupe") Check(set, findings);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void RunStep(string step, string path, string findings)
    {
        var clock = Stopwatch.StartNew();
        var result = step switch
        {
            "read" => $"{InstructionFile.Read(path).LongCount():N0} records",
            "stats" => $"{FileStatistics.Of([path], new())[0].Counts.Languages.Count} languages",
            "dedupe" => Dedupe(path, findings),
            "mix" => Mix(path),
            _ => $"{new Cleaner().Filter(InstructionFile.Read(path)).LongCount():N0} records stay",
        };
        var (seconds, cpu) = (clock.Elapsed.TotalSeconds, Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds);
        var size = new FileInfo(path).Length / 1e6;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{step,-8} {seconds,8:0.0} {cpu,8:0.0} {size / seconds,8:0.0} {size / cpu,9:0.0} "
                + $"{Platform.PeakResidentBytes >> 20,8}  {result}"));
    }

    private static string Dedupe(string path, string findings)
    {
        using var writer = new StreamWriter(findings);
        var kept = new Deduplicator().Filter(InstructionFile.Read(path), finding =>
            writer.WriteLine($"{Number(finding.Record)}\t{Number(finding.Other!)}")).LongCount();
        return $"{kept:N0} records stay";
    }

    private static string Mix(string path)
    {
        var mixture = new Mixture(
        [
            new MixtureSource("all", () => InstructionFile.Read(path)),
            new MixtureSource("half", () => InstructionFile.Read(path)) { Weight = 0.5 },
        ], new MixtureOptions { Order = MixtureOrder.Shuffle, Memory = 128 << 20 });
        return $"{mixture.Read().LongCount():N0} records shuffled through the disk, {mixture.Report!.Fingerprint[..12]}";
    }

    private static void Check(PlantedSet set, string findings)
    {
        var removed = new int[set.Count];   // the record kept instead, or -1
        Array.Fill(removed, -1);
        foreach (var line in File.ReadLines(findings))
            removed[int.Parse(line[..line.IndexOf('\t')], CultureInfo.InvariantCulture)] =
                int.Parse(line[(line.IndexOf('\t') + 1)..],
                CultureInfo.InvariantCulture);
        var (planted, found, wrong) = (new long[4], new long[4], 0L);
        Parallel.For(0, set.Count, number =>
        {
            var (made, kind, from) = set.Record(number);
            if (removed[number] >= 0 && PlantedSet.Jaccard(made,
                set.Record(removed[number]).Made) < 0.5) Interlocked.Increment(ref wrong);
            if (removed[from] >= 0) return;   // its original was removed as a duplicate of another real record
            Interlocked.Increment(ref planted[(int)kind]);
            if (removed[number] >= 0) Interlocked.Increment(ref found[(int)kind]);
        });
        foreach (var kind in (Planted[])[Planted.Exact, Planted.Near, Planted.Far])
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"         planted {kind,-5} {planted[(int)kind],9:N0}, removed ")
                + string.Create(CultureInfo.InvariantCulture,
                    $"{found[(int)kind],9:N0} ({found[(int)kind] / (double)planted[(int)kind]:0.00%})"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"         removed with a similarity below 0.5: {wrong:N0} of {removed.Count(other => other >= 0):N0}"));
    }

    private static void Write(PlantedSet set, string path)
    {
        using var stream = new BufferedStream(File.Create(path), 1 << 20);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder =
            System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        foreach (var record in set.Records())
        {
            json.WriteStartObject();
            json.WriteString("instruction", record.Turns[0].Text);
            json.WriteString("input", record.Turns[0].Input);
            json.WriteString("output", record.Turns[^1].Text);
            json.WriteEndObject();
            json.Flush();
            json.Reset();
            stream.WriteByte((byte)'\n');
        }
    }

    // "file, record 17" has index 16.
    private static int Number(string origin) => int.Parse(origin.AsSpan(origin.LastIndexOf(' ') + 1),
        CultureInfo.InvariantCulture) - 1;
}
