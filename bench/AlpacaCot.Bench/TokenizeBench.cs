using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Bench;

/// <summary>
/// Tokenization speed on English and Chinese instruction records (half the bytes each, repeated), compared with Hugging Face's
/// tokenizers for JavaScript, which encode the same texts with the same file for some seconds and must return the same ids.
/// </summary>
internal static class TokenizeBench
{
    private sealed record Theirs(long Bytes, double Seconds, double Cpu, int[][] Ids);

    /// <summary>Prints MB/s of wall-clock and of processor time.</summary>
    /// <param name="shared">The folder with reference data.</param>
    /// <param name="seconds">Duration of the reference's encoding.</param>
    /// <param name="megabytes">Amount of text encoded by this project.</param>
    public static void Run(string shared, int seconds, int megabytes)
    {
        var english = Records(Path.Combine(shared, "data/instruct/alpaca_data.json.gz"), 4_000_000);
        var chinese = Records(Path.Combine(shared, "data/instruct_zh/zh-data-part-00.json.gz"), 4_000_000);
        string[] texts = [.. english.Zip(chinese).SelectMany(pair => new[] { pair.First, pair.Second })];
        long once = texts.Sum(t => (long)Encoding.UTF8.GetByteCount(t)), times = (megabytes * 1_000_000L + once - 1) / once;
        Console.WriteLine($"{texts.Length} records, {once / 1e6:F1} MB, {times} times: {once * times / 1e6:F0} MB");
        Console.WriteLine($"{"tokenizer.json",-14} {"threads",7} {"MB/s",7} {"MB/CPU s",8} {"GC pause",8} {"allocated",10} "
            + $"{"scaling",8} {"by cpu",7}"
            + $"  {"tokenizers.js",14} {"ratio",6} {"by cpu",7} {"same ids",9}");
        foreach (var name in new[] { "phi-2", "llama2" })
        {
            var folder = Directory.CreateTempSubdirectory("alpacacot-tokenize-").FullName;
            try
            {
                Unpack(Path.Combine(shared, "data/tokenizer/hf", name), folder);
                Compare(name, folder, texts, once, times, seconds);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static void Compare(string name, string folder, string[] texts, long once, long times, int seconds)
    {
        var tokenizer = Tokenizer.Load(folder);
        var theirs = Ask(folder, texts, seconds);
        var equal = theirs?.Ids.Zip(texts).Count(p => tokenizer.Encode(p.Second).SequenceEqual(p.First));
        var same = theirs is null ? "" : $"{equal} of {theirs.Ids.Length}";

        for (var i = 0; i < 6; i++) Pass(texts.Length);   // the runtime compiles the code again while it runs
        var megabytes = once * times / 1e6;
        var (one, all) = (Measured(1), Measured(Environment.ProcessorCount));
        var their = theirs is null ? double.NaN : theirs.Bytes / 1e6 / theirs.Seconds;
        var theirCpu = theirs is null ? double.NaN : theirs.Bytes / 1e6 / theirs.Cpu;
        Console.WriteLine($"{name,-14} {1,7} {Numbers(one)} {"",16}  {their,14:F2} {one.Rate / their,5:F1}x "
            + $"{one.ByCpu / theirCpu,6:F1}x {same,9}");
        Console.WriteLine($"{"",-14} {Environment.ProcessorCount,7} {Numbers(all)} {all.Rate / one.Rate,7:F2}x "
            + $"{all.ByCpu / one.ByCpu,7:F2}");

        static string Numbers(Speed speed) =>
            $"{speed.Rate,7:F1} {speed.ByCpu,8:F1} {speed.Pause,7:P1} {speed.Allocated,6:F1} B/B";

        void Pass(long count)
        {
            for (var i = 0L; i < count; i++) tokenizer.Encode(texts[i % texts.Length]);
        }

        Speed Measured(int threads)
        {
            GC.Collect();
            var (pause, allocated) = (GC.GetTotalPauseDuration(), GC.GetTotalAllocatedBytes());
            var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
            if (threads == 1) Pass(texts.Length * times);
            else
                Parallel.For(0, (int)(texts.Length * times), new ParallelOptions { MaxDegreeOfParallelism = threads },
                    i => tokenizer.Encode(texts[i % texts.Length]));
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return new(megabytes / seconds, megabytes / (Environment.CpuUsage.TotalTime - cpu).TotalSeconds,
                (GC.GetTotalPauseDuration() - pause).TotalSeconds / seconds,
                (GC.GetTotalAllocatedBytes() - allocated) / 1e6 / megabytes);
        }
    }

    // MB a second of time and of processor time, the share of time in pauses of the collector, bytes allocated for each byte of
    // text.
    private sealed record Speed(double Rate, double ByCpu, double Pause, double Allocated);

    private static Theirs? Ask(string folder, string[] texts, int seconds)
    {
        if (NodeModules.Find("@huggingface/tokenizers") is not { } modules) return null;
        var file = Path.Combine(folder, "texts.jsonl");
        File.WriteAllLines(file, texts.Select(t => JsonSerializer.Serialize(t)));
        using var process = Process.Start(new ProcessStartInfo("node",
            [Path.Combine(AppContext.BaseDirectory, "hf-tokenizers-speed.mjs"), modules, folder, file, seconds.ToString()])
        {
            RedirectStandardOutput = true,
        })!;
        return JsonSerializer.Deserialize<Theirs>(process.StandardOutput.ReadToEnd(), JsonSerializerOptions.Web);
    }

    private static void Unpack(string from, string folder)
    {
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(from, "tokenizer.json.gz")), CompressionMode.Decompress))
        using (var plain = File.Create(Path.Combine(folder, "tokenizer.json")))
            packed.CopyTo(plain);
        File.Copy(Path.Combine(from, "tokenizer_config.json"), Path.Combine(folder, "tokenizer_config.json"));
    }

    // One text per record, up to the number of bytes.
    private static List<string> Records(string file, long bytes)
    {
        using var stream = new GZipStream(File.OpenRead(file), CompressionMode.Decompress);
        using var json = JsonDocument.Parse(stream);
        var (texts, total) = (new List<string>(), 0L);
        foreach (var record in json.RootElement.EnumerateArray())
        {
            var text = string.Join('\n', record.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String)
                .Select(p => p.Value.GetString()));
            texts.Add(text);
            if ((total += Encoding.UTF8.GetByteCount(text)) > bytes) break;
        }
        return texts;
    }
}
