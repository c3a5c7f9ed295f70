using System.Text;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Collection;

/// <summary>One row of a tab-separated file.</summary>
/// <param name="Fields">Its fields.</param>
/// <param name="Number">Its number, counted from 1.</param>
/// <param name="File">The file.</param>
internal readonly record struct TabRow(string[] Fields, long Number, string File)
{
    /// <summary>The file and record number, for messages.</summary>
    public string Origin => $"{File}, record {Number}";
}

/// <summary>
/// Tab-separated rows without a header. With quotes they are read by the rules of Python's <c>csv.reader</c> with a tab as
/// delimiter (<see cref="Quoting.Python"/>); without, every tab and line end counts and every quote is text.
/// </summary>
internal static class TabRows
{
    private const int LongestField = 131_072;   // as in Python: a longer one means a quote that was never closed

    public static IEnumerable<TabRow> Read(string file, bool quotes, int columns, ReadOptions reading)
    {
        using var plain = RecordFile.Open(file);
        using var rows = new RowReader(Unpacking.Open(plain, reading.LargestExpansion, out _, out _), file, (byte)'\t',
            quotes ? Quoting.Python : Quoting.None, reading.LargestRecord, header: false);
        var (reported, length) = (0L, plain.CanSeek ? plain.Length : 0);
        while (rows.Read())
        {
            reading.Report(plain, ref reported);
            string[] fields = [.. rows.Cells.Select(cell => Encoding.UTF8.GetString(rows.Text(cell)))];
            var row = new TabRow(fields, rows.Number, file);
            if (rows.Cells.Zip(fields).Any(pair => pair.First.Quoted && pair.Second.Length > LongestField))
                throw new InputException($"{row.Origin}: a quoted field is longer than {LongestField} characters, so its "
                    + "closing quote is missing; if quotes are plain text in this file, read it without quotes.");
            if ((rows.Problem ?? Columns(fields.Length, columns, quotes)) is { } problem) reading.Refuse(row.Origin, problem);
            else yield return row;
        }
        reading.Report(length, ref reported);
        if (rows.Number == 0) throw new InputException($"{file}: the file is empty.");
    }

    private static string? Columns(int found, int expected, bool quotes) => found == expected ? null
        : $"it has {found} columns, expected {expected} with tabs between them"
            + (quotes ? "; if quotes are plain text in this file, read it without quotes" : "");
}
