using System.IO.Compression;
using System.Text;
using AlpacaCot.Data.Collection;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Collection;

public sealed class FlanCotTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly CotOptions AsOriginal = new() { DecodeNewlines = false, PythonQuotes = true };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("aqua")]
    [InlineData("creak")]
    [InlineData("strategyqa")]
    public void The_recorded_draw_gives_the_published_file_byte_by_byte(string set)
    {
        var options = Original();
        Assert.Equal(Published(set), Written(Rows(set), options));
        // The control: another draw, decoded line ends or quotes taken as text (where a field begins with one) give other bytes.
        Assert.NotEqual(Published(set), Written(Rows(set), options with { Replay = null }));
        Assert.Equal(set == "strategyqa",
            Published(set).SequenceEqual(Written(Rows(set), options with { DecodeNewlines = true })));
        Assert.Equal(set == "aqua", Published(set).SequenceEqual(Written(Rows(set), options with { PythonQuotes = false })));
    }

    [Fact]
    public void A_folder_is_read_set_by_set_and_a_set_without_a_recorded_draw_is_drawn()
    {
        var folder = ReferenceData.Path("data/cot");
        var drawn = new List<string>();
        var all = Catalogue.Find("cot").Convert(folder, new()
        {
            Cot = Original() with { OnDraw = (set, _) => drawn.Add(set) },
        }).ToList();
        Assert.Equal(2728 + 6915 + 7473 + 2061, all.Count);
        Assert.Equal(["aqua", "creak", "gsm8k", "strategyqa"], drawn.Distinct());
        var alone = Catalogue.Find("cot-aqua").Convert(folder, new() { Cot = Original() });
        Assert.Equal(all.Take(2728).Select(Key), alone.Select(Key));
    }

    [Fact]
    public void A_draw_depends_on_the_seed_and_the_set_alone_and_can_be_recorded()
    {
        var path = _folder.Write("gsm8k_train.tsv",
            string.Concat(Enumerable.Range(0, 60).Select(i => $"Q{i}?\t{i}\tBecause {i}.\n")));
        var draw = new CotDraw();
        var first = Convert(path, new() { OnDraw = draw.Add }, seed: 7);
        Assert.Equal(first, Convert(path, new(), seed: 7));
        Assert.NotEqual(first, Convert(path, new(), seed: 8));
        draw.Save(In("draw.json"));
        Assert.Equal(first, Convert(path, new() { Replay = CotDraw.Load(In("draw.json")) }, seed: 8));
        Assert.True(first.Distinct().Count() > 50);
        Assert.All(first, text => Assert.Matches("Because [0-9]+", text));
    }

    [Fact]
    public void A_trigger_ends_every_instruction()
    {
        var path = _folder.Write("mine.tsv", "What is 1+1?\t2\tCount.\n");
        var record = Assert.Single(Catalogue.Find("flan-cot").Convert(path, new() { Cot = new() { Trigger = "先思考，再决定" } }));
        Assert.EndsWith("先思考，再决定", record.Turns[0].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\tb\tc\n\"x\ty\tz\n", true, "record 2", "1 columns")]
    [InlineData("a\tb\n", false, "record 1", "2 columns")]
    [InlineData("a\tb\tc\n\n", false, "record 2", "1 columns")]
    [InlineData("", false, "empty")]
    public void A_broken_row_is_named(string content, bool quotes, params string[] parts)
    {
        var path = _folder.Write("aqua_train.tsv", content);
        var error = Assert.Throws<InputException>(() => Convert(path, new() { PythonQuotes = quotes }));
        Assert.All(parts, part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a\t\"b \"\"q\"\" c\"\td\"e\n", "a|b \"q\" c|d\"e")]
    [InlineData("\"a\nb\"\tc\t\"d\"e\r\n", "a\nb|c|de")]
    [InlineData("\"\"\t\t\"\"\"\"", "||\"")]
    [InlineData("a\tb\tc", "a|b|c")]
    public void Quotes_are_read_as_Python_reads_them(string content, string expected)
    {
        var path = _folder.Write("x.tsv", content);
        var row = Assert.Single(TabRows.Read(path, quotes: true, 3, new()));
        Assert.Equal(expected, string.Join('|', row.Fields));
    }

    [Theory]
    [InlineData("{\"formats\": {\"aqua\": [[\"{question}\"]]}}", "template 1")]
    [InlineData("{\"formats\": {\"aqua\": [[\"{frage}\", \"{answer}\"]]}}", "{frage}")]
    [InlineData("{\"formats\": {\"aqua\": [[\"{question\", \"{answer}\"]]}}", "brace")]
    [InlineData("{\"formats\": {}}", "expected templates")]
    [InlineData("[", "not a valid JSON file")]
    public void Broken_templates_are_named(string json, string part) =>
        Assert.Contains(part, Assert.Throws<InputException>(() => CotTemplates.Load(_folder.Write("t.json", json))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_draw_of_other_templates_or_rows_is_refused()
    {
        var path = _folder.Write("aqua_train.tsv", "a\tb\tc\nd\te\tf\n");
        foreach (var (draw, part) in new[] { ("[0]", "ends with row 1"), ("[0, 99]", "template 99") })
            Assert.Contains(part, Assert.Throws<InputException>(() => Convert(path, new()
            {
                Replay = CotDraw.Load(_folder.Write("d.json", $"{{\"aqua\": {draw}}}")),
            })).Message, StringComparison.Ordinal);
        Assert.Contains("\"aqua\"", Assert.Throws<InputException>(() => Convert(path, new()
        {
            Templates = CotTemplates.Load(_folder.Write("t.json", "{\"qed\": [[\"{question}\", \"{answer}\"]]}")),
        })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("aqua")]
    [InlineData("creak")]
    [InlineData("gsm8k")]
    [InlineData("strategyqa")]
    public void Outputs_give_back_their_rationale_and_answer(string set)
    {
        var rows = TabRows.Read(Rows(set), quotes: true, 3, new()).ToList();
        foreach (var options in new[] { Original() with { DecodeNewlines = false }, new CotOptions { PythonQuotes = true } })
        {
            var outputs = Catalogue.Find("cot").Convert(Rows(set), new() { Cot = options }).Select(c =>
                c.Turns[^1].Text).ToList();
            var (withTemplates, withWords, tried) = (0, 0, 0);
            foreach (var (output, row) in outputs.Zip(rows).Where((_, i) => i % 5 == 0))
            {
                tried++;
                var fields = options.DecodeNewlines ? Array.ConvertAll(row.Fields, f => f.Replace(@"\n", "\n")) : row.Fields;
                var expected = new CotParts(fields[2], fields[1]);
                if (CotAnswer.Split(output, options.Templates) == expected) withTemplates++;
                if (CotAnswer.Split(output) is { } parts && parts.Answer == expected.Answer.Trim()) withWords++;
            }
            Assert.True(withTemplates == tried, $"{set}: {withTemplates} of {tried} by templates");
            Assert.True(withWords >= tried * 0.999, $"{set}: {withWords} of {tried} by words");
        }
    }

    [Theory]
    [InlineData("48 / 2 = 24.\n#### 24", "48 / 2 = 24.", "24")]
    [InlineData("二加二等于四。所以答案是四。", "二加二等于四。", "四")]
    [InlineData("先算。\n最终答案：42", "先算。", "42")]
    [InlineData("Adding gives \\boxed{3.5}.", "Adding gives", "3.5")]
    [InlineData("It is 3.5. THE ANSWER IS: 3.5.", "It is 3.5.", "3.5")]
    [InlineData("My first answer is wrong, it is 4. Therefore, the answer is (B).", "My first answer is wrong, it is 4.", "(B)")]
    [InlineData("There is nothing of the kind here.", null, null)]
    public void Answers_are_found_without_templates(string output, string? rationale, string? answer)
    {
        var parts = CotAnswer.Split(output);
        Assert.Equal((rationale, answer), (parts?.Rationale, parts?.Answer));
    }

    [Fact]
    public void The_unified_file_escapes_what_JSON_needs_and_nothing_else()
    {
        using var stream = new MemoryStream();
        UnifiedJson.Write(stream, [Conversation.Instruction("a\"\\/\b\f\n\r\t\u0001\u007f\u2028", "é中🙂", "</s>&'+")]);
        var expected = "[{\"instruction\": \"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001" + "\u007f\u2028"
            + "\", \"input\": \"é中🙂\", \"output\": \"</s>&'+\"}]";
        Assert.Equal(expected, Encoding.UTF8.GetString(stream.ToArray()));
        Assert.Contains("unpaired surrogate", Assert.Throws<InputException>(() =>
            UnifiedJson.Write(stream, [Conversation.Instruction("\ud800", "", "")])).Message, StringComparison.Ordinal);
    }

    private static CotOptions Original() => AsOriginal with
    {
        Templates = CotTemplates.Load(ReferenceData.Path("data/golden/cot_templates.json")),
        Replay = CotDraw.Load(ReferenceData.Path("data/golden/cot_template_index.dev.json")),
    };

    private string In(string name) => Path.Combine(_folder.Path, name);

    private static string Rows(string set) => ReferenceData.Path($"data/cot/origin_{set}_train.tsv.gz");

    private static string Key(Conversation c) => c.Turns[0].Text + c.Turns[1].Text;

    private static List<string> Convert(string path, CotOptions options, long seed = 1) =>
        [.. Catalogue.Find("flan-cot").Convert(path, new() { Cot = options, Seed = seed }).Select(Key)];

    private static byte[] Written(string path, CotOptions options)
    {
        using var stream = new MemoryStream();
        UnifiedJson.Write(stream, Catalogue.Find("flan-cot").Convert(path, new() { Cot = options }));
        return stream.ToArray();
    }

    private static byte[] Published(string set)
    {
        using var file = File.OpenRead(ReferenceData.Path($"data/cot/formatted_{set}_train.json.gz"));
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        using var stream = new MemoryStream();
        unpacked.CopyTo(stream);
        return stream.ToArray();
    }
}
