using System.Collections.Concurrent;
using System.IO.Compression;
using System.Text.Json;
using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Text.Tests.Tokenization;

/// <summary>A text with the ids (and where recorded the decoded text) of the reference implementation.</summary>
internal sealed record GoldenCase(string Text, int[] Ids, string? Decoded)
{
    /// <summary>Reads <c>{"cases": [{"text", "ids", "decoded"?}]}</c>.</summary>
    public static IReadOnlyList<GoldenCase> Read(string relative)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path(relative)));
        return [.. file.RootElement.GetProperty("cases").EnumerateArray().Select(c => new GoldenCase(
            c.GetProperty("text").GetString()!,
            [.. c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())],
            c.TryGetProperty("decoded", out var decoded) ? decoded.GetString() : null))];
    }
}

internal static class Golden
{
    /// <summary>The pairs of llama.cpp's vocabulary tests: texts and Hugging Face's ids for them.</summary>
    public static IReadOnlyList<GoldenCase> InpOut(string name)
    {
        var path = ReferenceData.Path("data/tokenizer/gguf_vocab") + $"/ggml-vocab-{name}.gguf";
        var texts = File.ReadAllText(path + ".inp").Split("\n__ggml_vocab_test__\n")[..^1];
        var ids = File.ReadAllLines(path + ".out");
        Assert.Equal(texts.Length, ids.Length);
        return [.. texts.Zip(ids, (text, line) => new GoldenCase(text, Ids(line), null))];

        static int[] Ids(string line) => [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    /// <summary>The cases of swift-transformers for one model; the ids are those of Hugging Face's whole call.</summary>
    public static IReadOnlyList<GoldenCase> Swift(string model)
    {
        var path = ReferenceData.Path("data/tokenizer/golden_swift/tokenizer_tests.json");
        using var file = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. file.RootElement.GetProperty(model).EnumerateArray().Select(c => new GoldenCase(
            c.GetProperty("input").GetString()!, Numbers(c.GetProperty("encoded").GetProperty("input_ids")),
            c.GetProperty("decoded_with_special").GetString()))];
    }

    /// <summary>The long text of swift-transformers for one model.</summary>
    public static GoldenCase SwiftText(string name)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(ReferenceData.Path($"data/tokenizer/golden_swift/{name}.json")));
        var root = file.RootElement;
        return new GoldenCase(root.GetProperty("text").GetString()!, Numbers(root.GetProperty("token_ids")),
            root.GetProperty("decoded_text").GetString());
    }

    public static int[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>The content of a gzipped file.</summary>
    public static byte[] Unpack(string relative)
    {
        using var file = new GZipStream(File.OpenRead(ReferenceData.Path(relative)), CompressionMode.Decompress);
        using var memory = new MemoryStream();
        file.CopyTo(memory);
        return memory.ToArray();
    }

    /// <summary>A tokenizer of shared, loaded once for all tests.</summary>
    public static Tokenizer Shared(string relative) =>
        Loaded.GetOrAdd(relative, path => new Lazy<Tokenizer>(() => Tokenizer.Load(ReferenceData.Path(path)))).Value;

    private static readonly ConcurrentDictionary<string, Lazy<Tokenizer>> Loaded = new();

    /// <summary>A tokenizer from files written to a folder that is gone afterwards.</summary>
    public static Tokenizer Load(params (string Name, byte[] Content)[] files)
    {
        var folder = Directory.CreateTempSubdirectory("alpaca-cot-tokenizer-").FullName;
        try
        {
            foreach (var (name, content) in files) File.WriteAllBytes(Path.Combine(folder, name), content);
            return Tokenizer.Load(Path.Combine(folder, files[0].Name));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static Tokenizer LoadJson(string json) => Load(("tokenizer.json", System.Text.Encoding.UTF8.GetBytes(json)));

    /// <summary>A model folder of shared with its tokenizer.json unpacked.</summary>
    public static Tokenizer HuggingFace(string name)
    {
        var config = ReferenceData.Path($"data/tokenizer/hf/{name}/tokenizer_config.json");
        return Load(("tokenizer.json", Unpack($"data/tokenizer/hf/{name}/tokenizer.json.gz")),
            ("tokenizer_config.json", File.ReadAllBytes(config)));
    }

    /// <summary>All the cases that differ, or nothing.</summary>
    public static void AllEqual(IEnumerable<GoldenCase> cases, Func<string, int[]> encode)
    {
        var wrong = cases.Select(c => (Case: c, Ids: encode(c.Text))).Where(c => !c.Ids.SequenceEqual(c.Case.Ids)).ToList();
        Assert.True(wrong.Count == 0, $"{wrong.Count} differ; " + string.Join("; ", wrong.Take(5).Select(w =>
            $"{JsonSerializer.Serialize(w.Case.Text)} want [{string.Join(' ', w.Case.Ids)}] got [{string.Join(' ', w.Ids)}]")));
    }
}
