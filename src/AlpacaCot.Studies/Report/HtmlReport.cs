using System.Globalization;
using System.Net;
using System.Text;

namespace AlpacaCot.Studies.Report;

/// <summary>Self-contained HTML report: no scripts, fonts or images from elsewhere.</summary>
/// <param name="content">Content of the report.</param>
internal sealed class HtmlReport(ReportContent content)
{
    private readonly Words _words = content.Words;
    private readonly StringBuilder _page = new();

    public string Write()
    {
        var title = Html(content.Analysis.Study.Title);
        _page.Append($"""
            <!DOCTYPE html>
            <html lang="{(_words.Chinese ? "zh-CN" : "en")}">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title}</title>
            <style>
            {ReportStyle.Css}
            </style>
            </head>
            <body>
            <header>
            <p class="kicker">AlpacaCot · {_words.Say("study report", "研究报告")}</p>
            <h1>{title}</h1>
            <p class="lead">{Html(content.Summary)}</p>
            </header>
            <main>

            """);
        Section("findings", _words.Say("Findings", "结论"), Findings);
        Section("scores", content.Scores.Title, () => Table(content.Scores));
        Section("figures", _words.Say("Figures", "图"), Figures);
        if (content.Comparisons.Rows.Count > 0) Section("comparisons", content.Comparisons.Title,
            () => Table(content.Comparisons));
        Section("seeds", content.Seeds.Title, () => Table(content.Seeds));
        Section("training", content.Training.Title, () => Table(content.Training));
        Section("costs", content.Costs.Title, () => Table(content.Costs));
        if (content.Samples.Count > 0) Section("answers", _words.Say("Answers side by side", "答案对照"), Answers);
        foreach (var table in content.Published) Section(table.Name, table.Title, () => Table(table));
        Section("provenance", _words.Say("Where it comes from", "来源"), Origins);
        _page.Append("</main>\n</body>\n</html>\n");
        return _page.ToString().ReplaceLineEndings("\n");
    }

    private void Section(string id, string title, Action write)
    {
        _page.Append($"<section id=\"{id}\">\n<h2>{Html(title)}</h2>\n");
        write();
        _page.Append("</section>\n");
    }

    private void Findings()
    {
        _page.Append("<ul class=\"findings\">\n");
        foreach (var statement in content.Words.Findings.Statements) _page.Append($"<li>{Html(statement)}</li>\n");
        if (content.Analysis.Comparisons.Count == 0)
            _page.Append($"<li>{_words.Say("Nothing to compare yet.", "尚无可比较的结果。")}</li>\n");
        _page.Append("</ul>\n");
        foreach (var warning in content.Warnings) _page.Append($"<p class=\"warning\">{Html(warning)}</p>\n");
        if (content.Analysis.Results.Unfinished is { Count: > 0 } unfinished)
            _page.Append($"<p class=\"warning\">{_words.Say("Not finished, and not in here", "尚未完成，未计入")}: "
                + $"{Html(string.Join("; ", unfinished))}</p>\n");
    }

    private void Table(ReportTable table)
    {
        _page.Append("<div class=\"wide\"><table>\n<thead><tr>");
        foreach (var column in table.Columns) _page.Append($"<th>{Html(column)}</th>");
        _page.Append("</tr></thead>\n<tbody>\n");
        foreach (var row in table.Rows)
        {
            _page.Append("<tr>");
            foreach (var (i, cell) in row.Index()) _page.Append(i == 0 ? $"<th>{Html(cell.Text)}</th>"
                : $"<td>{Cell(cell)}</td>");
            _page.Append("</tr>\n");
        }
        _page.Append("</tbody></table></div>\n");
        if (table.Note.Length > 0) _page.Append($"<p class=\"note\">{Html(table.Note)}</p>\n");
    }

    private static string Cell(ReportCell cell)
    {
        var mark = cell.Mark switch { Mark.Up => "up", Mark.Down => "down", Mark.Muted => "muted", Mark.Measured => "measured",
            _ => "" };
        var text = cell.Change is not null || mark.Length == 0 ? $"<b>{Html(cell.Text)}</b>"
            : $"<b class=\"{mark}\">{Html(cell.Text)}</b>";
        if (cell.Change is { } change) text += $" <span class=\"change {mark}\">{Html(change)}</span>";
        return cell.Detail is { } detail ? $"{text}<small>{Html(detail)}</small>" : text;
    }

    private void Figures()
    {
        _page.Append("<div class=\"figures\">\n");
        foreach (var figure in content.Figures)
            _page.Append($"<figure>\n<figcaption>{Html(figure.Title)}</figcaption>\n{figure.Drawing.ToSvg()}</figure>\n");
        _page.Append("</div>\n");
    }

    private void Answers()
    {
        _page.Append($"<p class=\"note\">{Html(content.SamplesNote)}</p>\n");
        foreach (var sample in content.Samples)
        {
            var reference = sample.Answers.First(a => a.Arm == content.Analysis.Study.Reference).Answer;
            _page.Append($"<article>\n<p class=\"question\"><span "
                + $"class=\"tag\">{Html(content.CategoryName(sample.Question.Category))}</span> {Html(sample.Question.Prompt)}");
            if (sample.Question.Input.Length > 0) _page.Append($"<br><span class=\"input\">{Html(sample.Question.Input)}</span>");
            _page.Append("</p>\n");
            if (sample.Question.References.Count > 0)
                _page.Append($"<p class=\"right\"><span>{_words.Say("right answer", "正确答案")}</span> "
                    + $"{Html(sample.Question.References[0])}</p>\n");
            _page.Append("<div class=\"arms\">\n");
            foreach (var (arm, answer) in sample.Answers)
            {
                var grade = answer.Score.Value;
                var (kind, sign) = grade is null ? ("open", "–") : grade >= 0.999 ? ("good", "✓") : grade <= 0.001 ? ("bad", "✗")
                    : ("part", (grade.Value * sample.Scale).ToString("0.#", CultureInfo.InvariantCulture));
                _page.Append($"<div class=\"{kind}\"><h3>{Html(arm.Name)} <i>{sign}</i></h3><p>");
                foreach (var (text, differs) in AnswerDifference.Mark(ReportContent.Said(answer), ReportContent.Said(reference)))
                    _page.Append(differs ? $"<mark>{Html(text)}</mark>" : Html(text));
                _page.Append("</p></div>\n");
            }
            _page.Append("</div>\n</article>\n");
        }
    }

    private void Origins()
    {
        _page.Append("<dl>\n");
        foreach (var (name, value) in content.Provenance.Facts) _page.Append($"<dt>{Html(name)}</dt><dd>{Html(value)}</dd>\n");
        foreach (var (name, value) in content.Provenance.Machine)
            _page.Append($"<dt>{Html(name)}</dt><dd><span class=\"measured\">{Html(value)}</span></dd>\n");
        _page.Append("</dl>\n");
        foreach (var (arm, recipe) in content.Provenance.Recipes)
            _page.Append($"<details><summary>{_words.Say("recipe of", "配方：")} "
                + $"{Html(arm)}</summary><pre>{Html(recipe)}</pre></details>\n");
    }

    private static string Html(string text) => WebUtility.HtmlEncode(text);
}
