using System.Diagnostics;
using System.Text.Encodings.Web;
using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Models.Runtime;

namespace AlpacaCot.Bench;

/// <summary>
/// Speed of reading and parsing Alpaca records on one core: a file of real records, repeated with a number in each so that all
/// differ, as an array and as lines. The file is in the page cache, so disk speed is excluded.
/// </summary>
internal static class ReadBench
{
    public static void Run(string source, int megabytes)
    {
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-read-").FullName;
        try
        {
            foreach (var name in (string[])["alpaca.json", "alpaca.jsonl"])
            {
                var path = Path.Combine(folder, name);
                Fill(source, path, isArray: name.EndsWith(".json", StringComparison.Ordinal), (long)megabytes << 20);
                var size = new FileInfo(path).Length / 1e6;
                for (var turn = 0; turn < 3; turn++)
                {
                    var (clock, cpu) = (Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
                    var (records, characters) = (0L, 0L);
                    foreach (var conversation in InstructionFile.Read(path))
                    {
                        records++;
                        foreach (var said in conversation.Turns) characters += said.Text.Length + said.Input.Length;
                    }
                    var used = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
                    var seconds = clock.Elapsed.TotalSeconds;
                    Console.WriteLine($"{name,-14} {size,7:F0} MB {records,10:N0} records {characters,13:N0} characters "
                        + $"{seconds,6:F2} s {size / seconds,6:F0} MB/s, {size / used,6:F0} MB/s a core-second, "
                        + $"peak {Platform.PeakResidentBytes >> 20} MB");
                }
                File.Delete(path);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Fill(string source, string path, bool isArray, long bytes)
    {
        var records = InstructionFile.Read(source).Take(50_000).ToList();
        using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        var relaxed = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        if (isArray) stream.Write("["u8);
        for (var i = 0; stream.Position < bytes; i++)
        {
            var turns = records[i % records.Count].Turns;
            if (i > 0 && isArray) stream.Write(","u8);
            if (i > 0) stream.Write("\n"u8);
            JsonSerializer.Serialize(stream, new { instruction = $"{turns[0].Text} ({i})", input = turns[0].Input,
                output = turns[^1].Text }, relaxed);
        }
        if (isArray) stream.Write("]"u8);
    }
}
