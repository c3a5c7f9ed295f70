using System.IO.Compression;
using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;
using ZstdSharp;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Files that are wrong on purpose: one clear message, and with skipping every bad record counted and named.</summary>
public sealed class HostileFileTests : IDisposable
{
    private const string Good = """{"instruction": "a", "input": "", "output": "1"}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Trait("level", "full")]
    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_bomb_is_stopped_before_it_grows(string packing)
    {
        var path = Path.Combine(_folder.Path, "bomb.json" + packing);
        using (var file = File.Create(path))
        using (Stream packed = packing == ".gz" ? new GZipStream(file, CompressionLevel.Optimal) : new CompressionStream(file,
            19))
        {
            // Records of repeated letters: each is fine, a gigabyte of them is not.
            var record = Encoding.UTF8.GetBytes($$"""{"instruction": "a", "output": "{{new string('x', 1 << 20)}}"}""" + "\n");
            for (var i = 0; i < 400; i++) packed.Write(record);
        }
        var before = GC.GetTotalAllocatedBytes();
        var message = Assert.Throws<InputException>(() => InstructionFile.Read(path, new() { SkipBad = true }).Count()).Message;
        Assert.Contains("near record", message);
        Assert.Contains("500-fold", message);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 2L << 30);
    }

    [Theory]
    [InlineData("[{0}]")]
    [InlineData("{0}")]
    public void A_record_larger_than_the_limit_is_named_and_passed_over(string shape)
    {
        var large = $$"""{"instruction": "{{new string('[', 3_000_000)}}\"{", "output": "b"}""";
        var separator = shape[0] == '[' ? ",\n" : "\n";
        var path = _folder.Write("large.json", shape.Replace("{0}", string.Join(separator, Good, large, Good),
            StringComparison.Ordinal));
        var options = new ReadOptions { LargestRecord = 1 << 20 };
        Assert.Contains("record 2 (line 2): it exceeds the maximum record size of 1 MB",
            Assert.Throws<InputException>(() => InstructionFile.Read(path, options).ToList()).Message);
        var bad = new List<string>();
        var read = InstructionFile.Read(path, options with { SkipBad = true, OnBadRecord = bad.Add }).ToList();
        Assert.Equal([$"{path}, record 1", $"{path}, record 3"], read.Select(c => c.Origin));
        Assert.Contains("record 2 (line 2)", Assert.Single(bad));
    }

    [Fact]
    public void Bad_records_of_every_kind_are_counted_and_named()
    {
        var path = _folder.Write("mixed.jsonl", [
            .. Encoding.UTF8.GetBytes(Good + "\n"),
            .. "{\"instruction\": \"b\", \"output\": \""u8, 0xC3, 0x28, .. "\"}\n"u8,   // 2: not UTF-8
            .. Encoding.UTF8.GetBytes("""{"instruction": "b", "output": "1", "output": "2"}""" + "\n"),   // 3: a key twice
            .. Encoding.UTF8.GetBytes("""{"messages": [{"role": "user", "content": "hi"}]}""" + "\n"),   // 4: another format
            .. Encoding.UTF8.GetBytes(new string('[', 5000) + "\n"),   // 5: garbage, nested
            .. Encoding.UTF8.GetBytes("""{"instruction": "b", "output": "\udc00"}""" + "\n"),   // 6: half a character
            .. Encoding.UTF8.GetBytes("""{"instruction": "b", "output": "x", "meta": "\udc00"}""" + "\n"),   // 7: the same, aside
            .. Encoding.UTF8.GetBytes(Good + "\n")]);
        var bad = new List<string>();
        var read = InstructionFile.Read(path, new() { SkipBad = true, OnBadRecord = bad.Add }).ToList();
        Assert.Equal([$"{path}, record 1", $"{path}, record 8"], read.Select(c => c.Origin));
        string[] parts = ["invalid UTF-8", "\"output\" occurs twice", "format openai, the records before it alpaca",
            "not valid JSON",
            "unpaired surrogate", "unpaired surrogate"];
        Assert.Equal(parts.Length, bad.Count);
        foreach (var (i, part) in parts.Index())
        {
            Assert.Contains($"record {i + 2} (line {i + 2})", bad[i]);
            Assert.Contains(part, bad[i]);
        }
    }

    [Fact]
    public void Parquet_with_other_columns_is_refused_by_their_names_unless_they_are_mapped()
    {
        var path = Path.Combine(_folder.Path, "other.parquet");
        var source = _folder.Write("other.jsonl",
            """{"text": "x", "frage": "Was?", "antwort": "Das.", "id": 7, "tags": ["a", "b"]}""");
        var read = InstructionFile.Read(source)
            .Select(c => new Conversation([new Turn(Role.Assistant, "x")]) { Metadata = c.Metadata });
        ConversationWriter.Write(path,
            read.Select(c => c with { Turns = [new Turn(Role.User, "q"), new Turn(Role.Assistant, "a")] }), "sharegpt");
        var forced = new ReadOptions { Format = "pairs" };
        Assert.Contains("it has frage, antwort, id, tags",
            Assert.Throws<InputException>(() => InstructionFile.Read(path, forced).ToList()).Message.Replace("conversations, ",
                ""));
        var mapped = Assert.Single(InstructionFile.Read(path, forced with
        {
            Columns = new Dictionary<string, string> { ["instruction"] = "frage", ["output"] = "antwort" },
        }));
        Assert.Equal([new Turn(Role.User, "Was?"), new Turn(Role.Assistant, "Das.")], mapped.Turns);
        Assert.Equal(7, mapped.Metadata["id"].GetInt32());
        Assert.Equal("""["a","b"]""", mapped.Metadata["tags"].GetRawText());

        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^20]);
        Assert.Contains("Parquet data is corrupt", Assert.Throws<InputException>(() => InstructionFile.Read(path).ToList())
            .Message);
    }

    [Theory]
    [InlineData("shargpt", null, "Did you mean \"sharegpt\"?")]
    [InlineData(null, "instrction", "Did you mean \"instruction\"?")]
    public void Unknown_names_in_the_options_are_refused(string? format, string? field, string part)
    {
        var options = new ReadOptions { Format = format };
        if (field is not null) options = options with { Columns = new Dictionary<string, string> { [field] = "x" } };
        Assert.Contains(part, Assert.Throws<InputException>(() => InstructionFile.Read(_folder.Write("a.json", Good), options))
            .Message);
    }
}
