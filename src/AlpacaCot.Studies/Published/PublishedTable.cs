using System.Text.Json;

namespace AlpacaCot.Studies.Published;

/// <summary>A table of the study that this project grew out of, as printed, to be shown beside a study of one's own.</summary>
/// <param name="Id">Its number there, as <c>table-4</c>.</param>
/// <param name="Title">What it shows.</param>
/// <param name="Unit">What its values are.</param>
/// <param name="Columns">The names of its columns; categories are called as in the benchmarks here.</param>
/// <param name="Rows">Its rows.</param>
/// <param name="Note">What should be known of it; null where nothing.</param>
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
    /// Every table of "An Empirical Study of Instruction-tuning Large Language Models in Chinese" (Si et al., 2023).
    /// </summary>
    public static IReadOnlyList<PublishedTable> All => Study.Value.Tables;

    /// <summary>Where the tables are from.</summary>
    public static string Source => $"{Study.Value.Authors}: {Study.Value.Title}. {Study.Value.Source}";

    /// <summary>The value of a row in a column; null where none is printed.</summary>
    public double? Value(string row, string column) =>
        Rows.FirstOrDefault(r => r.Name == row)?.Values[Columns.ToList().IndexOf(column)];

    private sealed record PublishedFileForm(string Authors, string Title, string Source, IReadOnlyList<PublishedTable> Tables);
}

/// <summary>A row of a published table.</summary>
/// <param name="Name">What it is about.</param>
/// <param name="Values">A value a column; null where none is printed.</param>
public sealed record PublishedRow(string Name, IReadOnlyList<double?> Values);
