using System.IO.Compression;
using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Formats;

public sealed class InstructionFileTests : IDisposable
{
    private const string A = """{"instruction": "a", "input": "", "output": "1"}""";
    private const string B = """{"instruction": "b", "input": "on b", "output": "2"}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> GoodTexts =>
    [
        $"[{A},{B}]",
        $" [\n  {A} ,\r\n\t{B}\n] \n",
        $"{A}\n{B}",
        $"\r\n{A}\r\n\r\n{B}\r\n",
        $"{A}{B}",
        $"{A.Replace(", ", ",\n  ")}\n{B.Replace(", ", ",\n  ")}\n",
        """[{"output":"1","instruction":"a"},{"x":[1,{"output":3}],"input":"on b","output":"2","instruction":"b","text":1}]""",
        """{"instruction":"a","input":null,"output":"1"} {"instruction":"\u0062","input":"on b","output":"2"}""",
    ];

    [Theory]
    [MemberData(nameof(GoodTexts))]
    public void Content_decides_the_form(string text)
    {
        foreach (var (name, bytes) in Variants(text))
        {
            var path = _folder.Write(name, bytes);
            var records = InstructionFile.Read(path).ToList();
            Assert.Equal([new Turn(Role.User, "a"), new Turn(Role.Assistant, "1")], records[0].Turns);
            Assert.Equal([new Turn(Role.User, "b", "on b"), new Turn(Role.Assistant, "2")], records[1].Turns);
            Assert.Equal([$"{path}, record 1", $"{path}, record 2"], records.Select(record => record.Origin));
        }
    }

    private static IEnumerable<(string, byte[])> Variants(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        byte[] withBom = [0xEF, 0xBB, 0xBF, .. bytes];
        return [("plain.json", bytes), ("bom.jsonl", withBom), ("gzip.txt", Gzip(bytes)), ("both", Gzip(withBom))];
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(bytes);
        return packed.ToArray();
    }

    [Fact]
    public void Plain_text_is_one_assistant_turn()
    {
        var path = _folder.Write("text.jsonl", """{"text": "Once upon\na time \ud83e\udd99", "id": 3}""");
        var read = Assert.Single(InstructionFile.Read(path));
        Assert.Equal([new Turn(Role.Assistant, "Once upon\na time 🦙")], read.Turns);
    }

    /// <summary>What is wrong, and the parts the message must have.</summary>
    public static TheoryData<string, string[]> BadTexts => new()
    {
        { "", ["the file is empty"] },
        { " \n ", ["the file is empty"] },
        { "[ ]", ["contains no records"] },
        { "<!DOCTYPE html><html>not found</html>", ["an HTML page", "download"] },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:12\n", ["git-lfs pointer", "git lfs pull"] },
        { "instruction,input,output\n", ["contains no records"] },
        { "a page, saved by mistake\n", ["does not start with [ or {", "has no known column (a page, saved by mistake)"] },
        { "instruction,output\n1,2\n3\n", ["record 2 (line 3)", "it has 1 cells, but there are 2 columns"] },
        { "instruction,output\n1,2\n\"3,4\n5,6\n", ["record 2 (line 3)", "ends inside the quotes"] },
        { "instruction,output\n\"1\"a,2\n", ["record 1 (line 2)", "text after a closing quote"] },
        { $"[{A},\n{{\"instruction\": \"b\", \"inp", ["record 2 (line 2)", "truncated"] },
        { $"[{A},\n{B}", ["record 2", "before its array is closed", "truncated"] },
        { $"[{A},\n", ["record 1", "truncated"] },
        { $"{A}\n{{\"instruction\": \"b\", \"output\": \"it ends her", ["record 2 (line 2)", "truncated"] },
        { $"{A}\n{{\"instruction\": \"b\"", ["record 2 (line 2)", "truncated"] },
        { $"[{A}\n{B}]", ["line 2", "comma is missing between records 1 and 2"] },
        { $"[{A},\n]", ["line 2", "extra comma"] },
        { $"[{A}]\n{B}", ["line 2", "unexpected text after the end of the array"] },
        { $"[{A},\n{{\"instruction\": \"b\",\n \"output\" \"2\"}}]", ["record 2 (line 3)", "not valid JSON", "correct"] },
        { $"{A}\n{{\"instruction\": \"b\", \"output\": \"2\"\n{A}", ["record 2 (line 3)", "not valid JSON"] },
        { "[{\"instruction\": \"a\",\n\"input\": \"\"}]", ["record 1 (line 1)", "no \"output\"", "it has instruction, input"] },
        { """[{"output": "a"}]""", ["record 1", "no \"instruction\""] },
        { """{"qestion": "", "anwser": ""}""", ["neither \"instruction\" and \"output\" nor \"text\"", "qestion, anwser"] },
        { """{"instruction": "a", "output": "b", "output": "c"}""", ["record 1", "\"output\" occurs twice"] },
        { """{"instruction": "a", "output": "b", "x": {"y": 1, "y": 2}, "x": 3}""", ["record 1", "\"x\" occurs twice"] },
        { A + "\n{\"messages\": []}", ["record 2 (line 2)", "format openai", "the records before it alpaca"] },
        { """{}""", ["record 1", "it is empty"] },
        { $$"""[{{A}}, {"instruction": "b", "output": 4}]""", ["record 2", "\"output\" is a number, expected a string"] },
        { """[{"instruction": ["b"], "output": "4"}]""", ["record 1", "\"instruction\" is a list"] },
        { """[{"instruction": "b", "output": null}]""", ["record 1", "\"output\" is null"] },
        { """[{"instruction": "b", "input": {}, "output": ""}]""", ["record 1", "\"input\" is an object"] },
        { """{"text": false}""", ["record 1", "\"text\" is true or false"] },
        { """["instruction", 1]""", ["record 1", "it is a string, expected an object"] },
        { $"{A}\n12", ["record 2 (line 2)", "it is a number"] },
        { """[{"instruction": "b", "output": "\ud83e"}]""", ["record 1", "unpaired surrogate"] },
        { """[{"instruction": "b", "\ud83e": "", "outputs": "4"}]""", ["record 1"] },
    };

    [Theory]
    [MemberData(nameof(BadTexts))]
    public void An_error_says_what_and_where(string text, string[] parts)
    {
        var path = _folder.Write("data.json", text);
        var message = Assert.Throws<InputException>(() => InstructionFile.Read(path).ToList()).Message;
        Assert.StartsWith(path, message);
        Assert.All(parts, part => Assert.Contains(part, message));
        Assert.DoesNotContain("LineNumber", message);
        Assert.EndsWith(".", message);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_JSON_are_refused()
    {
        var invalid = Encoding.UTF8.GetBytes($"[{A},\n{B}]");
        invalid[Array.IndexOf(invalid, (byte)'2')] = 0xFF;
        AssertMessage(invalid, "record 2 (line 2)", "invalid UTF-8");
        AssertMessage([.. Encoding.UTF32.GetPreamble(), .. Encoding.UTF32.GetBytes($"[{A}]")], "UTF-32", "save it as UTF-8");
        AssertMessage([.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes($"[{A}")[..^1], 0xD8], "UTF-16",
            "damaged");
        AssertMessage(Encoding.Unicode.GetBytes($"[{A}]"), "UTF-16");
        AssertMessage(Encoding.BigEndianUnicode.GetBytes($"[{A}]"), "UTF-16");
        AssertMessage("PK\u0003\u0004....."u8.ToArray(), "zip archive");
        AssertMessage(Gzip(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(A, 5000))))[..^30], "truncated");

        Assert.Contains("file not found", Assert.Throws<InputException>(() => InstructionFile.Read("absent.json")).Message);
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => InstructionFile.Read(_folder.Path)).Message);

        void AssertMessage(byte[] bytes, params string[] parts)
        {
            var path = _folder.Write("data.json", bytes);
            var message = Assert.Throws<InputException>(() => InstructionFile.Read(path).ToList()).Message;
            Assert.All(parts.Prepend(path), part => Assert.Contains(part, message));
        }
    }

    [Fact]
    public void Skipping_passes_over_bad_records_and_reports_each()
    {
        var path = _folder.Write("data.jsonl", $$"""
            {{A}}
            {"instruction": "no output"}
            {"instruction": "the quote is open, "output": "x"}
            {
              "instruction": "indented and broken"
              "output": "x"
            }
            [1, 2]
            {{B}}
            """);
        var reports = new List<string>();
        var read = InstructionFile.Read(path, new() { SkipBad = true, OnBadRecord = reports.Add }).ToList();
        Assert.Equal(["a", "b"], read.Select(record => record.Turns[0].Text));
        Assert.Equal([$"{path}, record 1", $"{path}, record 5"], read.Select(record => record.Origin));
        Assert.Collection(reports,
            report => Assert.Contains("record 2 (line 2): it has no \"output\"", report),
            report => Assert.Contains("record 3 (line 3): this is not valid JSON", report),
            report => Assert.Contains("record 4 (line 6): this is not valid JSON", report));
    }

    [Theory]
    [InlineData("[" + A + ", {\"instruction\": \"b\", \"outp", "truncated")]
    [InlineData(A + "\n{\"instruction\": \"b\", \"outp", "truncated")]
    [InlineData("[" + A + ", {\"instruction\": \"b\" \"output\": \"\"}, " + B + "]", "next record cannot be located")]
    [InlineData("[{\"instruction\": \"b\"}, 3]", "none of its 2 records is usable")]
    public void Skipping_does_not_hide_a_file_that_is_broken(string text, string part)
    {
        var path = _folder.Write("data.json", text);
        var error = Assert.Throws<InputException>(() => InstructionFile.Read(path, new() { SkipBad = true }).ToList());
        Assert.Contains(part, error.Message);
    }

    /// <summary>Records that straddle the borders of the reader's blocks, in a stream that gives few bytes at a time.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Any_cut_into_blocks_gives_the_same_records(bool isArray)
    {
        var random = new DeterministicRandom(3);
        var records = Enumerable.Range(0, 400).Select(i => Conversation.Instruction($"{i}",
            new string('ü', random.NextInt(i % 50 == 0 ? 200_000 : 3_000)),
            string.Concat(Enumerable.Repeat("\n\"\\{}[],🦙", i)))).ToList();
        var lines = records.Select(record => System.Text.Json.JsonSerializer.Serialize(new Dictionary<string, string>
        {
            ["instruction"] = record.Turns[0].Text,
            ["input"] = record.Turns[0].Input,
            ["output"] = record.Turns[1].Text,
        }));
        var text = isArray ? $"[{string.Join(",\n", lines)}]" : string.Join("\n", lines);
        using var stream = new TricklingStream(Encoding.UTF8.GetBytes(text), random);
        var read = InstructionFile.Read(stream, "stream").ToList();
        Assert.Equal(records.SelectMany(record => record.Turns), read.SelectMany(record => record.Turns));
    }

    private sealed class TricklingStream(byte[] bytes, DeterministicRandom random) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) =>
            base.Read(buffer, offset, Math.Min(count, 1 + random.NextInt(5000)));
    }
}
