using System.Globalization;
using System.Text;
using AlpacaCot.Evaluation.Benchmarks;
using AlpacaCot.Studies.Analysis;
using AlpacaCot.Studies.Published;

namespace AlpacaCot.Studies.Report;

/// <summary>Content of a report, independent of the output format.</summary>
internal sealed class ReportContent
{
    public ReportContent(StudyAnalysis analysis, string language)
    {
        (Analysis, Words) = (analysis, new Words(language, new Findings(analysis, language)));
        Scores = StudyTables.Scores(analysis, Words);
        Comparisons = StudyTables.Comparisons(analysis, Words);
        Seeds = StudyTables.Seeds(analysis, Words);
        Costs = StudyTables.Costs(analysis, Words);
        Training = StudyTables.Training(analysis, Words);
        Figures = new StudyFigures(analysis, Words).All;
        Samples = AnswerSamples.Of(analysis);
        Provenance = Provenance.Of(analysis, Words);
        Published = [.. PublishedTable.All.Where(t => analysis.Study.Published.Contains(t.Id)).Select(Beside)];
    }

    public StudyAnalysis Analysis { get; }
    public Words Words { get; }
    public ReportTable Scores { get; }
    public ReportTable Comparisons { get; }
    public ReportTable Seeds { get; }
    public ReportTable Costs { get; }
    public ReportTable Training { get; }
    public IReadOnlyList<ReportTable> Published { get; }
    public IReadOnlyList<ReportFigure> Figures { get; }
    public IReadOnlyList<AnswerSample> Samples { get; }
    public Provenance Provenance { get; }

    public IReadOnlyList<ReportTable> Tables => [Scores, Comparisons, Seeds, Costs, Training];

    /// <summary>Warnings that affect the interpretation of the scores.</summary>
    public IReadOnlyList<string> Warnings => [.. Words.Findings.Missing, .. Words.Findings.Shortened];

    /// <summary>Description of the study in one or two sentences.</summary>
    public string Summary
    {
        get
        {
            var (study, cells) = (Analysis.Study, Analysis.Results.Cells);
            var questions = cells[0].Runs.Sum(r => r.Answers.Count);
            return Words.Say($"{Counted(Analysis.Results.Arms.Count, "arm")}, {Counted(study.Seeds.Count, "seed")}, "
                + $"{Counted(questions, "question")}: "
                + $"{Counted(cells.Count, "cell")}, all asked the same. Every arm is compared with "
                + $"“{study.Reference.Name}”.",
                $"{Analysis.Results.Arms.Count} 组、{study.Seeds.Count} 个种子、{questions} 道题：共 {cells.Count} 个单元，回答同样的题目；"
                + $"各组均与“{study.Reference.Name}”比较。");
        }
    }

    public string SamplesNote => Words.Say(
        $"Chosen by rule, not by hand: of each category the first questions that tell “{Analysis.Study.Reference.Name}” from "
            + $"others, in both "
        + "directions. Answers of the first seed; what differs from the reference's answer is marked.",
        $"按规则选取而非人工挑选：每类中最先出现的、能区分“{Analysis.Study.Reference.Name}”与其他组的题目（两个方向都有）。"
        + "所示为第一个种子的答案；与参照组答案不同之处已标出。");

    /// <summary>Display name of a category.</summary>
    public string CategoryName(string category) =>
        Analysis.Measures.FirstOrDefault(m => m.Category == category) is { } measure ? Words.Head(measure) : category;

    /// <summary>A model's answer as text.</summary>
    public static string Said(ScoredAnswer answer) => answer.Response.Texts.Count > 0
        ? string.Join("\n", answer.Response.Texts) : answer.Score.Extracted ?? "";

    /// <summary>The report as Markdown; apart from the scores it contains no measurements of this machine.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder($"# {Analysis.Study.Title}\n\n{Summary}\n\n## {Words.Say("Findings", "结论")}\n\n");
        foreach (var statement in Words.Findings.Statements) text.Append($"- {statement}\n");
        foreach (var warning in Warnings) text.Append($"\n{warning}\n");
        text.Append('\n');
        foreach (var figure in Figures) text.Append($"![{figure.Title}](figures/{figure.Name}.svg)\n");
        foreach (var table in (ReportTable[])[Scores, Comparisons, Seeds, .. Published]) text.Append($"\n{table.ToMarkdown()}");
        text.Append($"\n### {Words.Say("Where it comes from", "来源")}\n\n");
        foreach (var (name, value) in Provenance.Facts) text.Append($"- {name}: {value}\n");
        return text.ToString();
    }

    private ReportTable Beside(PublishedTable table) => new(table.Id, $"{Words.Say("Published", "已发表的结果")}: {table.Title}",
        $"{table.Unit}. {(table.Note is { } note ? note + ". " : "")}{PublishedTable.Source}.", ["", .. table.Columns],
        [.. table.Rows.Select(row => (IReadOnlyList<ReportCell>)[row.Name, .. row.Values.Select(v =>
            new ReportCell(v?.ToString(CultureInfo.InvariantCulture) ?? "–"))])]);

    private static string Counted(int count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");
}
