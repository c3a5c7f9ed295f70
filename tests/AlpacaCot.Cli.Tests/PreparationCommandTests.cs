using System.Text.Json;

namespace AlpacaCot.Cli.Tests;

public sealed class PreparationCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Set(string name, int count, Func<int, string>? output = null) => _folder.Write(name, JsonSerializer.Serialize(
        Enumerable.Range(0, count).Select(i => new { instruction = $"{name} question number {i}", input = "",
            output = output?.Invoke(i) ?? $"answer {i}" })));

    private static JsonElement[] Lines(string path) => [.. File.ReadLines(path).Select(line => JsonElement.Parse(line))];

    [Fact]
    public async Task Mix_writes_what_a_recipe_or_a_list_of_sets_describes()
    {
        var (a, b, output) = (Set("a.json", 100), Set("b.json", 40), _folder.File("mixture.jsonl"));
        var json = (await CommandLine.Run("data", "mix", "--source", a, "--source", $"{b}:0.5", "--out", output,
            "--json")).Json();
        Assert.Equal(120, json.GetProperty("records").GetInt32());
        Assert.Equal([(100, 100), (40, 20)], json.GetProperty("sources").EnumerateArray()
            .Select(s => (s.GetProperty("available").GetInt32(), s.GetProperty("taken").GetInt32())));
        Assert.Equal(120, Lines(output).Length);
        Assert.NotEqual("a.json question number 0", Lines(output)[0].GetProperty("instruction").GetString());   // shuffled

        // The file it wrote has the fingerprint of the mixture.
        var again = (await CommandLine.Run("data", "mix", "--source", output, "--order", "sequence", "--out",
            _folder.File("c.jsonl"), "--json")).Json();
        Assert.Equal(json.GetProperty("fingerprint").GetString(), again.GetProperty("fingerprint").GetString());

        var recipe = _folder.Write("r.yaml",
            "data:\n  - { path: a.json, share: 0.75 }\n  - { path: b.json, share: 0.25, limit: 20 }\n"
            + "mixture: { order: interleave }\n");
        json = (await CommandLine.Run("data", "mix", recipe, "--out", output, "--json")).Json();
        Assert.Equal([60, 20], json.GetProperty("sources").EnumerateArray().Select(s => s.GetProperty("taken").GetInt32()));
        json = (await CommandLine.Run("data", "mix", recipe, "--set", "mixture.size=8", "--out", output, "--json")).Json();
        Assert.Equal([6, 2], json.GetProperty("sources").EnumerateArray().Select(s => s.GetProperty("taken").GetInt32()));

        (await CommandLine.Run("data", "mix", "--out", output)).Refused("a recipe or sets");
        (await CommandLine.Run("data", "mix", "--source", $"{a}:shares=0.5", "--out", output)).Refused("did you mean share?");
        (await CommandLine.Run("data", "mix", "--source", $"{a}:share=0.5", "--out", output)).Refused("add up to 0.5");
        (await CommandLine.Run("data", "mix", "--source", _folder.File("none.json"), "--out", output))
            .Refused("none.json does not exist");
        Assert.Equal(8, Lines(output).Length);   // what was there stays
    }

    [Fact]
    public async Task A_combination_has_a_share_that_its_sets_divide_by_their_records()
    {
        Directory.CreateDirectory(_folder.File("data"));
        Set("data/alpaca-cleaned.json", 60);
        Set("other.json", 100);
        _folder.Write("data/flan-cot.tsv",
            string.Concat(Enumerable.Range(0, 20).Select(i => $"What is {i}?\t{i}\tIt is {i}.\n")));
        var recipe = _folder.Write("r.yaml",
            "data:\n  - { source: alpaca-cot, share: 0.4 }\n  - { path: other.json, share: 0.6 }\n");
        var json = (await CommandLine.Run("data", "mix", recipe, "--set", "mixture.size=100", "--out", _folder.File("m.jsonl"),
            "--json")).Json();
        Assert.Equal([30, 10, 60], json.GetProperty("sources").EnumerateArray().Select(s => s.GetProperty("taken").GetInt32()));
        recipe = _folder.Write("r.yaml", "data:\n  - { source: alpaca-cot, weight: 2 }\n");
        json = (await CommandLine.Run("data", "mix", recipe, "--out", _folder.File("m.jsonl"), "--json")).Json();
        Assert.Equal([120, 40], json.GetProperty("sources").EnumerateArray().Select(s => s.GetProperty("taken").GetInt32()));
    }

    [Fact]
    public async Task Clean_counts_and_reports_every_record_it_takes()
    {
        var (data, output, report) = (Set("d.json", 20, i => i switch { 3 => "", 7 => "cafÃ©", _ => "fine" }),
            _folder.File("o.jsonl"), _folder.File("r.jsonl"));
        var json = (await CommandLine.Run("data", "clean", "--in", data, "--out", output, "--report", report, "--json")).Json();
        Assert.Equal((20, 19, 1), (json.GetProperty("read").GetInt32(), json.GetProperty("kept").GetInt32(),
            json.GetProperty("removed").GetInt32()));
        var filters = json.GetProperty("filters").EnumerateArray().ToDictionary(f => f.GetProperty("name").GetString()!);
        Assert.Equal(1, filters["empty"].GetProperty("removed").GetInt32());
        Assert.Equal(1, filters["encoding"].GetProperty("repaired").GetInt32());
        Assert.Equal([$"{data}, record 4", $"{data}, record 8"],
            Lines(report).Select(line => line.GetProperty("record").GetString()));
        Assert.Equal(["removed", "repaired"], Lines(report).Select(line => line.GetProperty("action").GetString()));
        Assert.Equal("café", Lines(output)[6].GetProperty("output").GetString());

        File.Delete(output);
        var text = await CommandLine.Run("data", "clean", "--in", data, data, "--dry-run", "--filters", "empty,length",
            "--min-answer", "6", "--out", output);
        Assert.Contains("40 records read", text.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(output));
        (await CommandLine.Run("data", "clean", "--in", data)).Refused("--out", "--dry-run");
        (await CommandLine.Run("data", "clean", "--in", data, "--out", data)).Refused("choose another file");
        (await CommandLine.Run("data", "clean", "--in", data, "--dry-run", "--filters",
            "emty")).Refused("Did you mean \"empty\"?");
    }

    [Fact]
    public async Task Dedupe_and_decontaminate_name_the_other_record()
    {
        const string words =
            "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen";
        var (data, report) = (Set("d.json", 4, i => i switch { 0 => words, 1 => words + " eighteen", _ => "fine" }),
            _folder.File("r.jsonl"));
        var twice = _folder.Write("d.jsonl", "{\"instruction\":\"q\",\"output\":\"" + words
            + "\"}\n{\"instruction\":\"q\",\"output\":\"" + words
            + " eighteen\"}\n{\"instruction\":\"x\",\"output\":\"y\"}\n{\"instruction\":\"x\",\"output\":\"y\"}\n");
        var json = (await CommandLine.Run("data", "dedupe", "--in", twice, "--out", _folder.File("u.jsonl"), "--report", report,
            "--json")).Json();
        Assert.Equal((1, 1, 2), (json.GetProperty("exact").GetInt32(), json.GetProperty("near").GetInt32(),
            json.GetProperty("kept").GetInt32()));
        Assert.Equal([$"{twice}, record 1", $"{twice}, record 3"],
            Lines(report).Select(line => line.GetProperty("other").GetString()));

        var test = _folder.Write("test.jsonl", $"{{\"question\":\"{words}\",\"choices\":[\"a\",\"b\"]}}\n");
        json = (await CommandLine.Run("data", "decontaminate", "--in", data, "--against", test, "--dry-run", "--report", report,
            "--json")).Json();
        Assert.Equal((2, 2, 1), (json.GetProperty("removed").GetInt32(), json.GetProperty("hits").GetInt32(),
            json.GetProperty("evaluation_texts").GetInt32()));
        Assert.All(Lines(report), line => Assert.StartsWith("one two three", line.GetProperty("excerpt").GetString(),
            StringComparison.Ordinal));
        (await CommandLine.Run("data", "decontaminate", "--in", data, "--against", _folder.Write("e.jsonl", "{\"q\":\"x\"}"),
            "--dry-run"))
            .Refused("long enough");
    }

    [Fact]
    public async Task Bad_records_are_counted_and_named_once()
    {
        var data = _folder.Write("bad.jsonl", "{\"instruction\":\"a\",\"output\":\"b\"}\n{\"instruction\":1}\n");
        (await CommandLine.Run("data", "clean", "--in", data, "--dry-run")).Refused("record 2");
        var outcome = await CommandLine.Run("data", "mix", "--source", $"{data}:3", "--skip-bad", "--order", "interleave",
            "--out", _folder.File("o.jsonl"), "--json");
        Assert.Equal(1, outcome.Json().GetProperty("skipped").GetInt32());
        Assert.Single(outcome.Error.Split('\n'), line => line.StartsWith("skipped: ", StringComparison.Ordinal));
        Assert.Equal(3, Lines(_folder.File("o.jsonl")).Length);
    }
}
