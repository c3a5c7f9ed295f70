using AlpacaCot.Studies.Analysis;
using AlpacaCot.Text;

namespace AlpacaCot.Studies.Report;

/// <summary>The files of a report.</summary>
/// <param name="Html">Path of the HTML report.</param>
/// <param name="Folder">Folder of all files.</param>
public sealed record ReportFolder(string Html, string Folder)
{
    /// <summary>
    /// Writes a report: <c>report.html</c> and <c>report.md</c>, tables as CSV and LaTeX, figures as SVG and PNG. A repeated run
    /// gives identical files, except for times and machine in <c>report.html</c>, <c>tables/costs.*</c> and
    /// <c>tables/training.*</c>.
    /// </summary>
    /// <param name="folder">Output folder.</param>
    /// <param name="analysis">The analysis.</param>
    /// <param name="language">Language of the report: <c>en</c> or <c>zh</c>.</param>
    public static ReportFolder Write(string folder, StudyAnalysis analysis, string language)
    {
        var content = new ReportContent(analysis, language);
        var html = Path.Combine(folder, "report.html");
        AtomicFile.WriteText(html, new HtmlReport(content).Write());
        AtomicFile.WriteText(Path.Combine(folder, "report.md"), content.ToMarkdown());
        foreach (var table in content.Tables) AtomicFile.WriteText(Path.Combine(folder, "tables", $"{table.Name}.tex"),
            table.ToLatex());
        AtomicFile.WriteText(Path.Combine(folder, "tables", "training.md"), content.Training.ToMarkdown());
        AtomicFile.WriteText(Path.Combine(folder, "tables", "scores.csv"), StudyTables.ScoresCsv(analysis));
        AtomicFile.WriteText(Path.Combine(folder, "tables", "comparisons.csv"), StudyTables.ComparisonsCsv(analysis));
        Directory.CreateDirectory(Path.Combine(folder, "figures"));
        foreach (var figure in content.Figures) figure.Drawing.Write(Path.Combine(folder, "figures", figure.Name));
        return new(html, folder);
    }
}
