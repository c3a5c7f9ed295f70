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
        var cores = $"{Environment.ProcessorCount} cores MB/s";
        Console.WriteLine($"{"tokenizer.json",-14} {"one core MB/s",14} {"by cpu time",12} {cores,14} {"scaling",8} " +
            $" {"tokenizers.js",14} {"by cpu time",12} {"ratio",6} {"by cpu",7} {"same ids",9}");
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

        var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        for (long i = 0; i < times; i++)
            foreach (var text in texts) tokenizer.Encode(text);
        var one = once * times / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;
        var oneCpu = once * times / 1e6 / (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;

        start = Stopwatch.GetTimestamp();
        Parallel.For(0, (int)(texts.Length * times), i => tokenizer.Encode(texts[i % texts.Length]));
        var all = once * times / 1e6 / Stopwatch.GetElapsedTime(start).TotalSeconds;

        var their = theirs is null ? double.NaN : theirs.Bytes / 1e6 / theirs.Seconds;
        var theirCpu = theirs is null ? double.NaN : theirs.Bytes / 1e6 / theirs.Cpu;
        Console.WriteLine($"{name,-14} {one,14:F1} {oneCpu,12:F1} {all,14:F1} {all / one,7:F2}x {their,14:F2} {theirCpu,12:F2} " +
            $"{one / their,5:F1}x {oneCpu / theirCpu,6:F1}x {same,9}");
    }

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
