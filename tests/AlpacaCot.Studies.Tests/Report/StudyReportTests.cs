using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Evaluation.Benchmarks.Sets;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Grid;
using AlpacaCot.Studies.Report;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Tests.Report;

/// <summary>Studies with planted answers: what the report says of them must follow from the answers alone.</summary>
public sealed class StudyReportTests : IDisposable
{
    private const int Questions = 120; // of each kind
    private static readonly string[] Kinds = ["english", "chinese", "reasoning"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Findings_state_what_was_planted_and_nothing_else()
    {
        // Without CoT reasoning is far worse; English is the same to the question; Chinese differs by chance alone.
        var analysis = Plant((arm, kind, question, seed) => kind switch
        {
            "reasoning" => question % 10 < (arm == "full" ? 7 : 2),
            "chinese" => Chance(question, seed, arm) < 0.5,
            _ => question % 2 == 0,
        });
        var verdicts = analysis.Comparisons.ToDictionary(c => c.Measure.Name, c => c.Verdict);
        Assert.Equal(ComparisonVerdict.Different, verdicts["reasoning"]);
        Assert.Equal(ComparisonVerdict.Unchanged, verdicts["english"]);
        Assert.Equal(ComparisonVerdict.Open, verdicts["chinese"]);

        var english = Assert.Single(new Findings(analysis, "en").Statements);
        Assert.Matches(@"^Without CoT data, reasoning falls by 50\.0 points \[4\d\.\d, 5\d\.\d\], p < 0\.001; ", english);
        Assert.Contains("English is unchanged within 5.0 points", english, StringComparison.Ordinal);
        Assert.Contains("for Chinese no difference is established", english, StringComparison.Ordinal);
        Assert.DoesNotContain("Chinese falls", english, StringComparison.Ordinal);
        Assert.DoesNotContain("Chinese rises", english, StringComparison.Ordinal);
        var chinese = Assert.Single(new Findings(analysis, "zh").Statements);
        Assert.Matches(@"^去掉 CoT 数据后，推理下降 50\.0 分 \[4\d\.\d, 5\d\.\d\]，p < 0\.001；", chinese);
    }

    // Two questions that both arms answer wrong are no evidence of anything.
    [Fact]
    public void Nothing_is_claimed_of_two_questions_that_all_answer_wrong()
    {
        var analysis = Plant((_, _, _, _) => false, questions: 2);
        Assert.All(analysis.Comparisons, c => Assert.Equal(c.Measure.Category is null ? 6 : 2, c.Paired.Questions));
        Assert.All(analysis.Comparisons, c => Assert.Equal(ComparisonVerdict.Open, c.Verdict));
        Assert.DoesNotContain("unchanged", Assert.Single(new Findings(analysis, "en").Statements), StringComparison.Ordinal);
        // The interval of a score is that of `evaluate`.
        foreach (var score in analysis.Scores)
        {
            Assert.Equal(0, score.Mean);
            Assert.Equal(Evaluation.Statistics.Proportion.Interval(0, score.Questions).Times(100), score.Interval);
        }
    }

    [Fact]
    public void Nothing_is_claimed_where_arms_differ_by_chance()
    {
        var analysis = Plant((arm, kind, question, seed) => Chance(question, seed, arm + kind) < 0.5);
        Assert.All(analysis.Comparisons, c => Assert.NotEqual(ComparisonVerdict.Different, c.Verdict));
        foreach (var language in (string[])["en", "zh"])
            Assert.DoesNotMatch("rises|falls|上升|下降", string.Concat(new Findings(analysis, language).Statements));
    }

    [Theory]
    [InlineData("en")]
    [InlineData("zh")]
    public void Tables_hold_the_raw_scores_and_the_page_stands_alone(string language)
    {
        var analysis = Plant((arm, kind, question, seed) => Chance(question, seed, arm + kind) < (arm == "full" ? 0.7 : 0.3));
        var files = ReportFolder.Write(_folder.File("report"), analysis, language);
        var html = File.ReadAllText(files.Html);
        var csv = File.ReadAllLines(Path.Combine(files.Folder, "tables", "scores.csv"));
        foreach (var (a, arm) in ((string[])["full", "w/o CoT"]).Index())
        {
            var row = Row(html, "scores", a);
            foreach (var (k, kind) in Kinds.Append(null).Index())
            {
                var means = analysis.Study.Seeds.Select(seed => Raw(arm, seed, kind).Average() * 100).ToList();
                Assert.StartsWith(means.Average().ToString("0.0", CultureInfo.InvariantCulture), row[k + 1],
                    StringComparison.Ordinal);
                Assert.Contains(string.Create(CultureInfo.InvariantCulture,
                    $"{arm},{analysis.Study.Seeds[0]},{kind ?? "all"},{Raw(arm, analysis.Study.Seeds[0], kind).Count},"
                    + $"{means[0]:0.####}"), csv);
            }
        }
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Regex.Matches(html, @"(?:src|href)\s*=|url\(|@import"));
        Assert.Equal(4, Regex.Count(html, "<svg "));
        Assert.Contains(language == "zh" ? "lang=\"zh-CN\"" : "lang=\"en\"", html, StringComparison.Ordinal);
        Assert.Contains("<mark>", html, StringComparison.Ordinal);
        foreach (var name in (string[])["report.md", "tables/scores.tex", "tables/comparisons.csv", "figures/scores.svg",
            "figures/radar.png"])
            Assert.True(File.Exists(Path.Combine(files.Folder, name)), name);
        Assert.Contains("w/o CoT &", File.ReadAllText(Path.Combine(files.Folder, "tables", "scores.tex")),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("full", "full")]
    [InlineData("p_tuning_v2 · learning_rate 3e-4 · bloom-7b1 · EN + CN + CoT without translations",
        "p_tuning_v2 · learning_rate 3e-4 |bloom-7b1 · EN + CN + CoT without |translations")]
    [InlineData("没有思维链数据也没有中文翻译数据的模型和更多说明", "没有思维链数据也没有中文翻|译数据的模型和更多说明")]
    public void Names_of_arms_are_broken_into_lines_and_never_cut(string name, string lines)
    {
        var wrapped = StudyFigures.Wrapped(name, 200);
        Assert.Equal(name.Replace(" ", "", StringComparison.Ordinal),
            string.Concat(wrapped).Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(lines.Count(c => c == '|') + 1, wrapped.Count);
    }

    [Fact]
    public void Names_of_arms_are_whole_in_every_figure()
    {
        const string Long = "lora · learning_rate 3e-4 · bloom-7b1 · English and Chinese without CoT";
        var analysis = Plant((_, _, question, _) => question % 2 == 0, Long);
        var files = ReportFolder.Write(_folder.File("report"), analysis, "en");
        foreach (var figure in Directory.GetFiles(Path.Combine(files.Folder, "figures"), "*.svg"))
        {
            var svg = File.ReadAllText(figure);
            Assert.DoesNotContain("…", svg, StringComparison.Ordinal);
            var text = string.Join(' ', Regex.Matches(svg, "<text[^>]*>([^<]*)</text>").Select(m => m.Groups[1].Value));
            Assert.Contains(Long, text, StringComparison.Ordinal);
            // Nothing is drawn beyond the figure's lower edge.
            var height = double.Parse(Regex.Match(svg, "viewBox=\"0 0 \\d+ (\\d+)").Groups[1].Value,
                CultureInfo.InvariantCulture);
            Assert.All(Regex.Matches(svg, " y=\"([\\d.]+)\"")
                .Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)),
                y => Assert.InRange(y, 0, height));
        }
        var page = File.ReadAllText(files.Html);
        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.Contains("overflow-x: auto", page, StringComparison.Ordinal);
    }

    [Fact]
    public void What_differs_between_answers_is_marked_by_words_and_by_characters()
    {
        Assert.Equal([("The answer is ", false), ("12", true), (".", false)],
            AnswerDifference.Mark("The answer is 12.", "The answer is 7."));
        Assert.Equal([("他有", false), ("五", true), ("个", false)], AnswerDifference.Mark("他有五个", "他有三个"));
        Assert.Equal([("same", false)], AnswerDifference.Mark("same", "same"));
    }

    // The text of the cells of a row in a table of the page.
    private static string[] Row(string html, string section, int row)
    {
        var table = html[html.IndexOf($"id=\"{section}\"", StringComparison.Ordinal)..];
        var body = table[table.IndexOf("<tbody>", StringComparison.Ordinal)..table.IndexOf("</tbody>", StringComparison.Ordinal)];
        return [.. Regex.Matches(Regex.Matches(body, "<tr>(.*?)</tr>")[row].Value, "<t[hd]>(.*?)</t[hd]>")
            .Select(m => Regex.Replace(m.Groups[1].Value, "<[^>]*>", ""))];
    }

    // From the answers in the cell's folder, not from what the analysis made of them.
    private List<double> Raw(string arm, int seed, string? kind)
    {
        var cell = Directory.GetFiles(_folder.File("out/cells"), "cell.json", SearchOption.AllDirectories)
            .First(f => JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(f)).GetProperty("Name").GetString()
                == $"{arm}, seed {seed}");
        return [.. Directory.GetFiles(Path.Combine(Path.GetDirectoryName(cell)!, "answers")).SelectMany(File.ReadLines)
            .Select(line => JsonSerializer.Deserialize<JsonElement>(line))
            .Where(a => kind is null || a.GetProperty("category").GetString() == kind)
            .Select(a => a.GetProperty("texts")[0].GetString() == a.GetProperty("references")[0].GetString() ? 1.0 : 0)];
    }

    private StudyAnalysis Plant(Func<string, string, int, int, bool> isRight, string first = "full", int questions = Questions)
    {
        var study = MakeStudy(first, questions);
        var benchmark = BenchmarkSuite.Find("heldout");
        var asking = BenchmarkSuite.Read(benchmark, study.Benchmarks[0].Path, new BenchmarkOptions());
        foreach (var (cell, place, asked) in StudyRunner.CellFolders(study))
        {
            place.WriteOrder(cell, asked, 1);
            var responses = asking.Select((q, i) => new BenchmarkResponse(
                isRight(cell.Arm.Name, q.Category, i % questions, cell.Seed) ? q.References[0] : $"It is not {i}.")).ToList();
            GenerationsFile.Write(place.Answers(asked[0]), BenchmarkRunner.Score(benchmark, "planted", asking, responses));
            File.WriteAllLines(Directory.CreateDirectory(place.Run).FullName + "/metrics.jsonl",
                Enumerable.Range(1, 30).Select(s => $$"""{"step":{{s}},"loss":{{3.0 / s:R}},"total_tokens":100}"""));
        }
        return StudyAnalysis.Of(StudyResults.Load(study));
    }

    private Study MakeStudy(string first, int questions)
    {
        Directory.CreateDirectory(_folder.File("model"));
        File.WriteAllText(_folder.File("model/config.json"), "{}");
        foreach (var name in (string[])["EN", "CoT"]) File.WriteAllText(_folder.File($"{name}.json"), "[]");
        File.WriteAllText(_folder.File("questions.json"),
            JsonSerializer.Serialize(Kinds.SelectMany(kind => Enumerable.Range(0, questions)
            .Select(i => new { instruction = $"{kind} question {i}?", input = "", output = $"It is {kind} {i}.",
                category = kind }))));
        File.WriteAllText(_folder.File("study.yaml"), $$"""
            title: A planted study
            recipe: { model: model, data: [EN.json, CoT.json] }
            factors: { data: [{ name: "{{first}}" }, { without: CoT }] }
            seeds: [1, 2, 3]
            benchmarks: [{ name: heldout, path: questions.json }]
            output: {{_folder.File("out")}}
            """);
        return StudyFile.Load(_folder.File("study.yaml"));
    }

    private static double Chance(int question, int seed, string what) =>
        new DeterministicRandom(question * 31 + seed).Fork(what).NextDouble();
}
