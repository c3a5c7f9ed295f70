namespace AlpacaCot.Cli.Tests;

/// <summary>Every command that reads data selects and reads it as recipes do: formats, names of fields, folders,
/// patterns.</summary>
public sealed class DataSelectionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Model => ReferenceData.Path("data/derived/stories260K-hf");

    public DataSelectionTests()
    {
        Directory.CreateDirectory(_folder.File("d"));
        _folder.Write("d/a.csv", "frage,antwort,quelle\nWhat is one and one?,two,x\n");
        _folder.Write("d/b.csv", "frage,antwort,quelle\nWhat is one and two?,three,y\n");
    }

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Commands => new()
    {
        { "data stats {0}", "2 records" },
        { "data clean --in {0} --dry-run", "2 records read, 2 kept" },
        { "data dedupe --in {0} --dry-run", "2 records read, 2 kept" },
        { "data decontaminate --in {0} --against {1} --dry-run", "2 records read, 1 kept" },
        { "data convert --in {0} --out {2}", "2 records, 0 skipped" },
        { "data answers --in {0} --out {2}", "2 records" },
        { "data show {0}", "2 records, 4 turns" },
        { "inspect --data {0} --record 2 --model MODEL", "b.csv, record 1" },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Commands_take_names_of_fields_folders_and_patterns(string command, string part)
    {
        var against = _folder.Write("test.jsonl",
            """{"question":"What is one and one? two, I say, or it may be three or four or five"}""");
        _folder.Write("d/a.csv",
            "frage,antwort,quelle\n\"What is one and one? two, I say, or it may be three or four or five\",two,x\n");
        foreach (var data in (string[])[_folder.File("d"), _folder.File("d/*.csv")])
        {
            string[] line = [.. command.Split(' ').Select(word => word == "MODEL" ? Model
                : word.Replace("{0}", data).Replace("{1}", against).Replace("{2}", _folder.File("out.jsonl")))];
            (await CommandLine.Run(line)).Refused("no known column (frage, antwort, quelle)");
            var outcome = await CommandLine.Run([.. line, "--columns", "instruction=frage,output=antwort"]);
            Assert.True(outcome.Code == 0, outcome.Error);
            Assert.Contains(part, outcome.Out, StringComparison.Ordinal);
            // The roles are reported once for each file.
            var told = outcome.Out + outcome.Error;
            foreach (var file in (string[])["a.csv", "b.csv"])
                Assert.Equal(2, told.Split($"{file}: CSV; alpaca; frage -> instruction, antwort -> output; kept aside: quelle")
                    .Length);
        }
        string[] json = [.. command.Split(' ').Select(word => word == "MODEL" ? Model
            : word.Replace("{0}", _folder.File("d")).Replace("{1}", against).Replace("{2}", _folder.File("out.jsonl")))];
        var document = await CommandLine.Run([.. json, "--columns", "instruction=frage,output=antwort", "--json"]);
        document.Json();
        Assert.Contains("frage -> instruction", document.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_format_can_be_given_to_every_command()
    {
        var data = _folder.Write("c.jsonl",
            """{"instruction":"q","output":"a","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}""");
        Assert.Contains("; openai", (await CommandLine.Run("data", "stats", data)).Error, StringComparison.Ordinal);
        foreach (var option in (string[])["--format", "--from"])
            Assert.Contains("; alpaca", (await CommandLine.Run("data", "stats", data, option, "alpaca")).Error,
                StringComparison.Ordinal);
        (await CommandLine.Run("data", "clean", "--in", data, "--dry-run", "--format", "alpca"))
            .Refused("Did you mean \"alpaca\"?");
    }

    [Fact]
    public async Task A_weak_guess_is_refused_by_every_command()
    {
        var data = _folder.Write("t.jsonl", """{"task":"Name it.","answer":"Oskavik"}""");
        foreach (var line in (string[])["data stats", "data clean --dry-run --in", "data show",
            "data mix --out x.jsonl --source"])
            (await CommandLine.Run([.. line.Split(' '), data])).Refused("columns: { instruction: task, output: answer }");
    }

    [Fact]
    public async Task Cleaning_removes_records_without_an_answer_of_any_kind()
    {
        var data = _folder.Write("e.csv", "instruction,input,output\na,,\nb,,null\nc,,fine\nd,,\"\"\n");
        var json = (await CommandLine.Run("data", "clean", "--in", data, "--out", _folder.File("o.jsonl"), "--json")).Json();
        Assert.Equal((4, 1), (json.GetProperty("read").GetInt32(), json.GetProperty("kept").GetInt32()));
        (await CommandLine.Run("data", "dedupe", "--in", data, "--dry-run")).Refused("record 1 (line 2)", "\"output\"",
            "no value");
    }

    [Fact]
    public async Task Recipes_take_folders_and_patterns_and_a_mixture_of_nothing_is_an_error()
    {
        const string columns = "columns: { instruction: frage, output: antwort }";
        foreach (var path in (string[])["d", "d/*.csv", "d/**"])
        {
            var recipe = _folder.Write("r.yaml", $"data:\n  - {{ path: \"{path}\", {columns} }}\n");
            var json = (await CommandLine.Run("data", "mix", recipe, "--out", _folder.File("m.jsonl"), "--json")).Json();
            Assert.Equal(2, json.GetProperty("records").GetInt32());
        }
        var none = _folder.Write("r.yaml", "data: [\"d/*.parquet\"]\n");
        (await CommandLine.Run("data", "mix", none, "--out", _folder.File("m.jsonl"))).Refused("no file matches");
        _folder.Write("r.yaml", "data: []\n");
        (await CommandLine.Run("data", "mix", none, "--out", _folder.File("m.jsonl"))).Refused("the list is empty");
        _folder.Write("r.yaml", "data:\n  - { path: d, weight: 0, " + columns + " }\n");
        (await CommandLine.Run("data", "mix", none, "--out", _folder.File("m.jsonl"))).Refused("weight");
        _folder.Write("r.yaml", "data:\n  - { path: d, weight: 0.1, " + columns + " }\n");
        (await CommandLine.Run("data", "mix", none, "--out", _folder.File("n.jsonl"))).Refused("The mixture has no records",
            "0 of 2");
        _folder.Write("r.yaml", "data:\n  - { path: d, skip: 9, " + columns + " }\n");
        (await CommandLine.Run("data", "mix", none, "--out", _folder.File("n.jsonl"))).Refused("The mixture has no records");
        Assert.False(File.Exists(_folder.File("n.jsonl")));
    }
}
