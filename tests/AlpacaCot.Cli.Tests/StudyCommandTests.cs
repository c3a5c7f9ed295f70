using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Text;

namespace AlpacaCot.Cli.Tests;

/// <summary>A study of a tiny model, run whole, killed and resumed, and its report as a browser shows it.</summary>
public sealed partial class StudyCommandTests(StudyCommandTests.World world) : IClassFixture<StudyCommandTests.World>
{
    [Trait("level", "full")]
    [Fact]
    public void Killed_again_and_again_it_repeats_nothing_finished_and_gives_the_same_report()
    {
        var whole = world.Report;
        var (output, random) = (world.Output, new DeterministicRandom(20230410));
        Directory.Delete(output, recursive: true);

        // Each of a cell that is ordered, training, answering, and of the report being written; not the same moment twice.
        foreach (var moment in (string[])["cell.json", "metrics.jsonl", "*.partial", "metrics.jsonl", "scores.tex"])
        {
            var finished = Answers();
            var (start, size, more) = (DateTime.UtcNow, Size(), random.NextInt(900));
            using var process = world.Start("--jobs", "1");
            while (!process.HasExited && !(Newest() > start && (moment != "metrics.jsonl" || Size() > size + more)))
                Thread.Sleep(1);
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            Assert.All(finished, before => Assert.Equal(before.Value, Answers()[before.Key]));

            DateTime Newest() => Files(moment).Select(File.GetLastWriteTimeUtc).DefaultIfEmpty().Max();
            long Size() => Files("metrics.jsonl").Select(f => new FileInfo(f)).Where(f => f.Exists).Sum(f => f.Length);
        }
        var last = Answers();
        world.Run();
        Assert.All(last, before => Assert.Equal(before.Value, Answers()[before.Key]));
        Assert.Equal(whole, world.ReadReport());
        Assert.Equal(3, Answers().Count);
        world.Run();
        Assert.Equal(whole, world.ReadReport());

        string[] Files(string pattern) => !Directory.Exists(output) ? []
            : Directory.GetFiles(output, pattern, SearchOption.AllDirectories);
        Dictionary<string, DateTime> Answers() => Files("*.jsonl")
            .Where(f => Path.GetFileName(Path.GetDirectoryName(f)) == "answers").ToDictionary(f => f, File.GetLastWriteTimeUtc);
    }

    [Fact]
    public void Json_names_cells_scores_and_findings()
    {
        var json = world.Json;
        Assert.Equal(["study", "output", "report", "unfinished", "missing", "refused", "scores", "comparisons", "findings",
            "seconds"],
            json.EnumerateObject().Select(p => p.Name));
        Assert.Equal(9, json.GetProperty("scores").GetArrayLength()); // three arms, two categories and the whole
        Assert.Equal(6, json.GetProperty("comparisons").GetArrayLength());
        Assert.Equal(2, json.GetProperty("findings").GetArrayLength());
        Assert.Equal(0, json.GetProperty("unfinished").GetArrayLength());
    }

    [Fact]
    public void A_browser_shows_the_scores_of_the_answers()
    {
        string[] names = ["chromium", "chromium-browser", "google-chrome"];
        var browser = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        Assert.SkipWhen(browser is null, "needs a headless browser: apt-get install chromium");
        var page = Path.Combine(world.Folder, "page.html");
        File.WriteAllText(page, world.Report["report.html"]);
        var start = new ProcessStartInfo(browser!, ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
            $"--user-data-dir={Path.Combine(world.Folder, "browser")}", new Uri(page).AbsoluteUri])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        var shown = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var table = shown[shown.IndexOf("id=\"scores\"", StringComparison.Ordinal)..];
        var rows = Row.Matches(table[table.IndexOf("<tbody>", StringComparison.Ordinal)..table.IndexOf("</tbody>",
            StringComparison.Ordinal)]);
        Assert.Equal(3, rows.Count);
        foreach (var (row, (arm, raw)) in rows.Zip(world.Raw))
        {
            var cells = Cell.Matches(row.Value).Select(m => Tag.Replace(m.Groups[1].Value, "")).ToList();
            Assert.Equal(arm, cells[0]);
            foreach (var (cell, mean) in cells.Skip(1).Zip(raw))
                Assert.StartsWith(mean.ToString("0.0", CultureInfo.InvariantCulture), cell, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_plan_needs_neither_model_nor_data_and_says_what_is_missing()
    {
        var file = Path.Combine(world.Folder, "later.yaml");
        await File.WriteAllTextAsync(file, """
            recipe: { model: llama-7b, data: [alpaca.json], adapter: { targets: [q_proj, v_proj] }, training: { max_steps: 100 } }
            factors: { adapter.rank: [4, 8] }
            seeds: [1, 2]
            benchmarks: [{ name: gsm8k, path: test.jsonl, limit: 100 }]
            output: runs/later
            """, TestContext.Current.CancellationToken);
        var json = (await CommandLine.Run("study", file, "--plan", "--json")).Json();
        Assert.Equal(4, json.GetProperty("cells").GetArrayLength());
        Assert.Equal(7e9, json.GetProperty("cells")[0].GetProperty("parameters").GetDouble());
        Assert.InRange(json.GetProperty("memory_bytes").GetDouble(), 14e9, 40e9);
        Assert.Contains("test.jsonl", json.GetProperty("missing").GetString(), StringComparison.Ordinal);
        (await CommandLine.Run("study", file)).Refused("file or folder not found");
    }

    [GeneratedRegex("<tr>(.*?)</tr>", RegexOptions.Singleline)]
    private static partial Regex Row { get; }

    [GeneratedRegex("<t[hd]>(.*?)</t[hd]>", RegexOptions.Singleline)]
    private static partial Regex Cell { get; }

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag { get; }

    /// <summary>A model, data, questions, and the study run whole.</summary>
    public sealed partial class World : IDisposable
    {
        private static readonly string[] Kinds = ["even", "odd"];
        private readonly TemporaryFolder _folder = new();
        private readonly string _study;

        public World()
        {
            new TinyModel(Hidden: 64, Deviation: 0.1).WriteFolder(_folder.File("model"));
            foreach (var (i, kind) in Kinds.Index())
                _folder.Write($"{kind}.json", Records(Enumerable.Range(0, 24).Select(n => (2 * n + i) % 12), kind));
            _folder.Write("questions.json", Records(Enumerable.Range(0, 12), null));
            _study = _folder.Write("study.yaml", $$"""
                title: A tiny study
                recipe:
                  model: { init: model/config.json, tokenizer: model }
                  data: [even.json, odd.json]
                  adapter: none
                  training: { max_steps: 16, batch_size: 8, learning_rate: 1e-2, cutoff_length: 64, save_steps: 5 }
                set: { template: plain }
                factors: { data: leave-one-out }
                seeds: [1]
                benchmarks: [{ name: heldout, path: questions.json, max_new_tokens: 6 }]
                threads: 1
                output: {{Output}}
                """);
            Json = Run();
            Report = ReadReport();
            Raw = [.. ((string[])["full", "w/o even", "w/o odd"]).Select(arm => (arm, Scores(arm)))];
        }

        public string Folder => _folder.Path;
        public string Output => _folder.File("out");
        public JsonElement Json { get; }

        /// <summary>The files of the report, without what was measured on this machine.</summary>
        public Dictionary<string, string> Report { get; }

        /// <summary>Scores by arm: even, odd, all.</summary>
        public IReadOnlyList<(string Arm, double[] Means)> Raw { get; }

        public JsonElement Run() => CommandLine.Run("study", _study, "--json").GetAwaiter().GetResult().Json();

        public Process Start(params string[] more) => Process.Start(new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "alpaca-cot.dll"), "study", _study, "--json", .. more])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;

        public Dictionary<string, string> ReadReport()
        {
            var report = Path.Combine(Output, "report");
            return Directory.GetFiles(report, "*", SearchOption.AllDirectories)
                .Where(f => Path.GetExtension(f) is ".html" or ".md" or ".csv" or ".svg" or ".tex"
                    && Path.GetFileNameWithoutExtension(f) is not ("costs" or "training"))
                .ToDictionary(f => Path.GetRelativePath(report, f), f => Measured.Replace(File.ReadAllText(f), "(measured)"));
        }

        private double[] Scores(string arm)
        {
            var cell = Directory.GetFiles(Output, "cell.json", SearchOption.AllDirectories).First(f =>
                JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(f)).GetProperty("Name").GetString() == $"{arm}, seed 1");
            var answers = Directory.GetFiles(Path.Combine(Path.GetDirectoryName(cell)!, "answers")).SelectMany(File.ReadLines)
                .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
                .Select(a => (Kind: a.GetProperty("category").GetString(),
                    Right: a.GetProperty("texts")[0].GetString()!.Trim() == a.GetProperty("references")[0].GetString())).ToList();
            return [.. Kinds.Append(null).Select(kind => answers.Where(a => kind is null || a.Kind == kind).Average(a => a.Right
                ? 100.0 : 0))];
        }

        private static string Records(IEnumerable<int> numbers, string? kind) => JsonSerializer.Serialize(numbers.Select(n => new
        {
            instruction = $"the day {n}", input = "", output = $"{n}", category = kind ?? Kinds[n % 2],
        }));

        [GeneratedRegex("<(b|span) class=\"measured\">[^<]*</\\1>")]
        private static partial Regex Measured { get; }

        public void Dispose() => _folder.Dispose();
    }
}
