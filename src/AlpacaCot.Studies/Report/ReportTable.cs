using System.Text;

namespace AlpacaCot.Studies.Report;

/// <summary>Highlighting of a table cell.</summary>
internal enum Mark
{
    None,
    Up,
    Down,
    Muted,

    /// <summary>A measurement of this machine, such as a time; differs when a study is run again.</summary>
    Measured,
}

/// <summary>A cell of a table.</summary>
/// <param name="Text">Main text.</param>
/// <param name="Detail">Second line in small type; null for none.</param>
/// <param name="Change">Difference from the reference, coloured by the mark; null for none.</param>
/// <param name="Mark">Highlighting.</param>
internal sealed record ReportCell(string Text, string? Detail = null, string? Change = null, Mark Mark = Mark.None)
{
    public static implicit operator ReportCell(string text) => new(text);

    /// <summary>The whole content on one line.</summary>
    public string Line => string.Join(' ', new[] { Text, Detail, Change }.Where(part => part is { Length: > 0 }));
}

/// <summary>A table of the report, independent of the output format.</summary>
/// <param name="Name">Base name of its files.</param>
/// <param name="Title">Text above the table.</param>
/// <param name="Note">Text below the table; may be empty.</param>
/// <param name="Columns">Column headings; the first column contains the row labels.</param>
/// <param name="Rows">The rows.</param>
internal sealed record ReportTable(string Name, string Title, string Note, IReadOnlyList<string> Columns,
    IReadOnlyList<IReadOnlyList<ReportCell>> Rows)
{
    /// <summary>The table as Markdown.</summary>
    public string ToMarkdown()
    {
        var text = new StringBuilder($"### {Title}\n\n| {string.Join(" | ", Columns)} "
            + $"|\n|---|{string.Concat(Columns.Skip(1).Select(_ => "---:|"))}\n");
        foreach (var row in Rows) text.Append($"| "
            + $"{string.Join(" | ", row.Select(c => c.Line.Replace("|", "\\|", StringComparison.Ordinal)))} |\n");
        return text.Append(Note.Length > 0 ? $"\n{Note}\n" : "").ToString();
    }

    /// <summary>The table as LaTeX, with booktabs.</summary>
    public string ToLatex()
    {
        var text = new StringBuilder($"% {Title}\n\\begin{{tabular}}{{l{new string('r', Columns.Count - 1)}}}\n\\toprule\n");
        text.Append(string.Join(" & ", Columns.Select(Latex))).Append(" \\\\\n\\midrule\n");
        foreach (var row in Rows) text.Append(string.Join(" & ", row.Select(c => Latex(c.Line)))).Append(" \\\\\n");
        return text.Append("\\bottomrule\n\\end{tabular}\n").ToString();
    }

    private static string Latex(string text)
    {
        var safe = new StringBuilder();
        foreach (var c in text)
            safe.Append(c switch
            {
                '\\' => "\\textbackslash{}",
                '&' or '%' or '$' or '#' or '_' or '{' or '}' => $"\\{c}",
                '~' => "\\textasciitilde{}",
                '^' => "\\textasciicircum{}",
                '<' => "$<$",
                '>' => "$>$",
                '−' => "$-$",
                '–' => "--",
                '±' => "$\\pm$",
                _ => $"{c}",
            });
        return safe.ToString();
    }
}
