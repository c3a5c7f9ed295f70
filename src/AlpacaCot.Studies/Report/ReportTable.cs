using System.Text;

namespace AlpacaCot.Studies.Report;

/// <summary>How a cell of a table is set off.</summary>
internal enum Mark
{
    None,
    Up,
    Down,
    Muted,

    /// <summary>A measurement of this machine, such as a time: the one thing that differs when a study is run again.</summary>
    Measured,
}

/// <summary>A cell of a table.</summary>
/// <param name="Text">What it says.</param>
/// <param name="Detail">In small letters below.</param>
/// <param name="Change">A difference, coloured by the mark.</param>
/// <param name="Mark">How it is set off.</param>
internal sealed record ReportCell(string Text, string? Detail = null, string? Change = null, Mark Mark = Mark.None)
{
    public static implicit operator ReportCell(string text) => new(text);

    /// <summary>All of it in one line.</summary>
    public string Line => string.Join(' ', new[] { Text, Detail, Change }.Where(part => part is { Length: > 0 }));
}

/// <summary>A table of the report, to be written in each of its forms.</summary>
/// <param name="Name">The name of its files.</param>
/// <param name="Title">What stands above it.</param>
/// <param name="Note">What stands below it; empty for nothing.</param>
/// <param name="Columns">The heads of the columns; the first one names the rows.</param>
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

    /// <summary>The table for LaTeX, with booktabs.</summary>
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
