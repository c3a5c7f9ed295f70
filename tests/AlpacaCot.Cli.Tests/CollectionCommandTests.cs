using System.IO.Compression;
using System.Text.Json;

namespace AlpacaCot.Cli.Tests;

public sealed class CollectionCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task List_gives_the_whole_catalogue_and_filters()
    {
        var all = Sets(await CommandLine.Run("data", "list", "--json"));
        Assert.Equal(34, all.Count(s =>
            s.GetProperty("original").GetBoolean() && s.GetProperty("records").ValueKind == JsonValueKind.Number));
        Assert.All(all, s => Assert.NotEqual("", s.GetProperty("type").GetString()));
        var chinese = Sets(await CommandLine.Run("data", "list", "--lang", "cn", "--task", "mt", "--json"));
        Assert.True(chinese.Count > 5 && chinese.Count < all.Count);
        Assert.All(chinese, s => Assert.True(s.GetProperty("language").GetString()!.Contains("CN", StringComparison.Ordinal)
            && s.GetProperty("task").GetString()!.Contains("MT", StringComparison.Ordinal)));
        Assert.Contains("  alpaca-cleaned", (await CommandLine.Run("data", "list", "--search", "alpaca")).Out,
            StringComparison.Ordinal);
        (await CommandLine.Run("data", "list", "--lang", "klingon")).Refused("--lang: found klingon", "EN or CN or ML");
    }

    [Fact]
    public async Task Show_knows_names_combinations_and_data_that_is_here()
    {
        var none = _folder.File("empty-cache");   // what this machine has downloaded does not matter
        var both = Sets(await CommandLine.Run("data", "show", "alpaca-cot", "--cache", none, "--json"));
        Assert.Equal(["alpaca-cleaned", "flan-cot"], both.Select(s => s.GetProperty("name").GetString()));
        var data = Directory.CreateDirectory(_folder.File("data")).FullName;
        File.WriteAllText(Path.Combine(data, "databricks-dolly-15k.jsonl"),
            "{\"instruction\": \"Why?\", \"context\": \"c\", \"response\": \"So.\", \"category\": \"qa\"}\n");
        var dolly = Assert.Single(Sets(await CommandLine.Run("data", "show", "dolly", "--data-folder", data, "--json")));
        Assert.Equal(1, dolly.GetProperty("statistics").GetProperty("records").GetInt32());
        Assert.Equal("So.", dolly.GetProperty("samples")[0].GetProperty("turns")[1].GetProperty("text").GetString());
        Assert.Contains("not here", (await CommandLine.Run("data", "show", "dolly", "--cache", none)).Out,
            StringComparison.Ordinal);
        (await CommandLine.Run("data", "show", "doly")).Refused("no data set \"doly\"", "\"dolly\"");
    }

    [Fact]
    public async Task Users_add_sets_of_their_own_without_code()
    {
        _folder.Write("mine.jsonl", "{\"q\": \"Why?\", \"a\": \"So.\"}\n");
        var yaml = _folder.Write("mine.yaml", """
            - name: mine
              aliases: [my-set]
              path: mine.jsonl
              columns: { instruction: q, output: a }
              language: [EN, CN]
              task: ts
              generation: HG
              records: 1
              tags: [private]
            """);
        var mine = Assert.Single(Sets(await CommandLine.Run("data", "list", "--catalogue", yaml, "--tag", "private", "--json")));
        Assert.Equal(("EN/CN", "TS", true), (mine.GetProperty("language").GetString(), mine.GetProperty("task").GetString(),
            mine.GetProperty("own").GetBoolean()));
        var shown = Assert.Single(Sets(await CommandLine.Run("data", "show", "my-set", "--catalogue", yaml, "--json")));
        Assert.Equal("Why?", shown.GetProperty("samples")[0].GetProperty("turns")[0].GetProperty("text").GetString());

        var wrong = _folder.Write("wrong.yaml", "- nam: x\n  language: xx\n- name: A b\n  columns: { question: q }\n");
        (await CommandLine.Run("data", "list", "--catalogue", wrong)).Refused("wrong.yaml:1", "'nam'", "wrong.yaml:2",
            "EN or CN or ML",
            "wrong.yaml:3", "'A b'", "wrong.yaml:4", "'question'");
    }

    [Theory]
    [InlineData("aqua")]
    [InlineData("creak")]
    [InlineData("strategyqa")]
    public async Task Convert_repeats_the_published_file_byte_by_byte(string set)
    {
        var source = ReferenceData.Path($"data/cot/origin_{set}_train.tsv.gz");
        var input = Directory.CreateDirectory(_folder.File("in")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(input, $"{set}_train.tsv"), Unpacked(source),
            TestContext.Current.CancellationToken);
        foreach (var output in new[] { _folder.File("cot.json"), _folder.File("out") + "/" })
        {
            var report = (await CommandLine.Run("data", "convert", "--source", "flan-cot", "--in", input,
                "--templates", ReferenceData.Path("data/golden/cot_templates.json"),
                "--replay", ReferenceData.Path("data/golden/cot_template_index.dev.json"),
                "--newlines", "keep", "--csv-quotes", "python", "--out", output, "--json")).Json();
            Assert.Equal("replayed", report.GetProperty("templates")[0].GetProperty("draw").GetString());
            var written = output.EndsWith('/') ? Path.Combine(output, $"{set}_train.json") : output;
            Assert.Equal(Unpacked(ReferenceData.Path($"data/cot/formatted_{set}_train.json.gz")),
                await File.ReadAllBytesAsync(written, TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task Convert_draws_records_and_appends_a_trigger_and_answers_takes_apart()
    {
        var rows = _folder.Write("gsm8k_train.tsv", "What is 1+1?\t2\tOne and one\\nmake two.\nWhat is 2+2?\t4\tTwo twice.\n");
        string[] convert = ["data", "convert", "--source", "cot", "--in", rows, "--trigger", "先思考，再决定", "--json"];
        Assert.Equal(2, (await CommandLine.Run([.. convert, "--out", _folder.File("a.json"), "--record",
            _folder.File("draw.json")])).Json()
            .GetProperty("records").GetInt32());
        await CommandLine.Run(
            [.. convert, "--out", _folder.File("b.json"), "--replay", _folder.File("draw.json"), "--seed", "7"]);
        Assert.Equal(File.ReadAllText(_folder.File("a.json")), File.ReadAllText(_folder.File("b.json")));
        Assert.Contains("先思考，再决定", File.ReadAllText(_folder.File("a.json")), StringComparison.Ordinal);

        var report = (await CommandLine.Run("data", "answers", "--in", _folder.File("a.json"), "--out",
            _folder.File("answers.jsonl"), "--json")).Json();
        Assert.Equal(2, report.GetProperty("answers").GetInt32());
        var first = JsonSerializer.Deserialize<JsonElement>(File.ReadLines(_folder.File("answers.jsonl")).First());
        Assert.Equal(("One and one\nmake two.", "2"),
            (first.GetProperty("rationale").GetString(), first.GetProperty("answer").GetString()));
    }

    [Fact]
    public async Task Convert_refuses_what_it_cannot_do_and_writes_nothing()
    {
        var bad = _folder.Write("dolly.jsonl", "{\"instruction\": \"a\", \"response\": \"b\"}\n{\"instruction\": \"a\"}\n");
        string[] dolly = ["data", "convert", "--source", "dolly", "--in", bad, "--out", _folder.File("out.json")];
        (await CommandLine.Run(dolly)).Refused("dolly.jsonl, record 2", "missing field \"response\"");
        (await CommandLine.Run([.. dolly, "--trigger", "x"])).Refused("--trigger is for flan-cot only");
        (await CommandLine.Run("data", "convert", "--source", "doly", "--in", bad, "--out",
            _folder.File("out.json"))).Refused("\"dolly\"");
        Assert.False(File.Exists(_folder.File("out.json")));
        var report = (await CommandLine.Run([.. dolly, "--skip-bad", "--json"])).Json();
        Assert.Equal((1, 1), (report.GetProperty("records").GetInt32(), report.GetProperty("skipped").GetInt32()));
    }

    private static List<JsonElement> Sets(Outcome outcome) => [.. outcome.Json().GetProperty("sets").EnumerateArray()];

    private static byte[] Unpacked(string path)
    {
        using var file = File.OpenRead(path);
        using var unpacked = new GZipStream(file, CompressionMode.Decompress);
        using var stream = new MemoryStream();
        unpacked.CopyTo(stream);
        return stream.ToArray();
    }
}
