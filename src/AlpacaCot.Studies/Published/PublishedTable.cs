using System.Text.Json;

namespace AlpacaCot.Studies.Published;

/// <summary>A table as printed in the paper this project is based on, for display beside a study's results.</summary>
/// <param name="Id">Its number in the paper, such as <c>table-4</c>.</param>
/// <param name="Title">Caption.</param>
/// <param name="Unit">Unit of the values.</param>
/// <param name="Columns">Column names; categories are named as in this project's benchmarks.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Note">Remark; null for none.</param>
public sealed record PublishedTable(string Id, string Title, string Unit, IReadOnlyList<string> Columns,
    IReadOnlyList<PublishedRow> Rows, string? Note = null)
{
    private static readonly JsonSerializerOptions Form = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly Lazy<PublishedFileForm> Study = new(() =>
    {
        using var stream = typeof(PublishedTable).Assembly.GetManifestResourceStream("published/alpaca-cot-2023.json")!;
        return JsonSerializer.Deserialize<PublishedFileForm>(stream, Form)!;
    });

    /// <summary>
    /// All tables of "An Empirical Study of Instruction-tuning Large Language Models in Chinese" (Si et al., 2023).
    /// </summary>
    public static IReadOnlyList<PublishedTable> All => Study.Value.Tables;

    /// <summary>Citation of the paper.</summary>
    public static string Source => $"{Study.Value.Authors}: {Study.Value.Title}. {Study.Value.Source}";

    /// <summary>The value of a row in a column; null if none is printed.</summary>
    public double? Value(string row, string column) =>
        Rows.FirstOrDefault(r => r.Name == row)?.Values[Columns.ToList().IndexOf(column)];

    private sealed record PublishedFileForm(string Authors, string Title, string Source, IReadOnlyList<PublishedTable> Tables);
}

/// <summary>A row of a published table.</summary>
/// <param name="Name">Row label.</param>
/// <param name="Values">One value per column; null if none is printed.</param>
public sealed record PublishedRow(string Name, IReadOnlyList<double?> Values);
