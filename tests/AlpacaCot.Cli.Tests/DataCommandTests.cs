using AlpacaCot.Text.Tokenization;

namespace AlpacaCot.Cli.Tests;

public sealed class DataCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Model => ReferenceData.Path("data/derived/stories260K-hf");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Hello world, 你好 🙂")]
    [InlineData("")]
    [InlineData("@file <s> \"quoted\" --text")]
    public async Task Tokenize_gives_the_tokenizers_ids_and_the_text_back(string text)
    {
        var tokenizer = Tokenizer.Load(Model);
        var ids = (await CommandLine.Run("tokenize", "--model", Model, $"--text={text}", "--json")).Json().Ints("ids");
        Assert.Equal(tokenizer.Encode(text), ids);
        var plain = (await CommandLine.Run("tokenize", "--tokenizer", Model, "--no-special", $"--text={text}", "--json"))
            .Json().Ints("ids");
        Assert.Equal(tokenizer.Encode(text, addSpecial: false, parseSpecial: false), plain);
        if (plain.Length == 0) return;
        var back = await CommandLine.Run("tokenize", "--model", Model, "--input-ids", string.Join(",", plain), "--no-special",
            "--json");
        Assert.Equal(text, back.Json().GetProperty("text").GetString());
    }

    [Fact]
    public async Task Tokenize_writes_a_line_of_ids_for_each_line_of_a_file()
    {
        string[] lines = ["first line", "", "third\u2028line\rwith odd breaks", "last"];
        var text = _folder.Write("a.txt", "\ufeff" + string.Join("\r\n", lines));
        var jsonl = _folder.Write("a.jsonl", "\"two\\nlines\"\n\"one\"\n");
        await CheckFile(text, lines);
        await CheckFile(jsonl, ["two\nlines", "one"]);
        await CheckFile(_folder.Write("empty.txt", ""), []);
        await CheckFile(_folder.Write("long.txt", new string('x', 3 << 20) + "\nend\n"), [new string('x', 3 << 20), "end"]);
    }

    private static async Task CheckFile(string path, string[] texts)
    {
        var tokenizer = Tokenizer.Load(Model);
        var output = path + ".ids";
        var report = (await CommandLine.Run("tokenize", "--model", Model, "--file", path, "--out", output, "--json")).Json();
        Assert.Equal(texts.Length, report.GetProperty("lines").GetInt32());
        Assert.Equal(string.Concat(texts.Select(t => string.Join(' ', tokenizer.Encode(t)) + "\n")), File.ReadAllText(output));
    }

    [Theory]
    [InlineData("\"good\"\nnot json\n", "a.jsonl:2")]
    [InlineData("\"good\"\n\n\"after\"\n", "a.jsonl:2")]
    [InlineData("\"cut", "a.jsonl:1")]
    [InlineData("{\"text\": \"x\"}", "a.jsonl:1")]
    public async Task A_bad_line_is_named_and_nothing_is_written(string content, string place)
    {
        var output = _folder.File("out.ids");
        var outcome = await CommandLine.Run("tokenize", "--model", Model, "--file", _folder.Write("a.jsonl", content), "--out",
            output);
        outcome.Refused(place, "one JSON string per line");
        Assert.Equal(["a.jsonl"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Text_that_is_not_utf8_is_refused()
    {
        var path = _folder.File("latin1.txt");
        File.WriteAllBytes(path, [(byte)'o', (byte)'k', (byte)'\n', 0xE9, (byte)'\n']);
        (await CommandLine.Run("tokenize", "--model", Model, "--file", path, "--out", path + ".ids"))
            .Refused("latin1.txt:2", "not UTF-8");
    }

    [Theory]
    [InlineData("1,x,3", "number 2 is 'x'")]
    [InlineData("", "no ids")]
    [InlineData("1,99999", "id 99999 is outside the vocabulary")]
    public async Task Bad_ids_are_refused(string ids, string what) =>
        (await CommandLine.Run("tokenize", "--model", Model, $"--input-ids={ids}")).Refused(what);

    [Fact]
    public async Task Inspect_shows_what_training_sees()
    {
        var data = _folder.Write("d.json", """
            [ { "instruction": "Say hi.", "output": "Hi there." },
              { "instruction": "Sum up.", "input": "A long text.", "output": "Short." } ]
            """);
        var tokenizer = Tokenizer.Load(Model);
        var json = (await CommandLine.Run("inspect", "--data", data, "--record", "2", "--model", Model, "--json")).Json();
        var (ids, labels) = (json.Ints("ids"), json.Ints("labels"));
        Assert.Equal("alpaca", json.GetProperty("template").GetString());
        Assert.Equal(ids.Length, json.GetProperty("tokens").GetArrayLength());
        Assert.All(ids.Zip(labels), pair => Assert.True(pair.Second == -100 || pair.Second == pair.First));
        var supervised = labels.Where(l => l != -100).ToArray();
        Assert.Equal("Short.", tokenizer.Decode(supervised).Trim());
        Assert.Equal(tokenizer.EosId, supervised[^1]);
        Assert.Equal(tokenizer.BosId, ids[0]);
        Assert.Contains("### Input:\nA long text.", json.GetProperty("text").GetString(), StringComparison.Ordinal);

        var inputs = (await CommandLine.Run("inspect", "--data", data, "--model", Model, "--train-on-inputs", "--json")).Json();
        Assert.Equal(inputs.Ints("ids")[1..], inputs.Ints("labels")[1..]);

        var cut = (await CommandLine.Run("inspect", "--data", data, "--record", "2", "--model", Model, "--cutoff", "9",
            "--json")).Json();
        Assert.True(cut.GetProperty("dropped").GetBoolean());
        Assert.Contains("Training drops this record",
            (await CommandLine.Run("inspect", "--data", data, "--record", "2", "--model", Model, "--cutoff", "9")).Out,
                StringComparison.Ordinal);
        (await CommandLine.Run("inspect", "--data", data, "--record", "3", "--model", Model))
            .Refused("has 2 records", "record 3 does not exist");
    }
}
