using System.Text;
using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>Writes records as comma- or tab-separated rows (RFC 4180). Values other than strings are written as JSON.</summary>
internal static class TableWriter
{
    public static void Write(Stream stream, RecordSpool spool, byte separator)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var names = spool.Columns.Keys.ToList();
        WriteRow(names);
        foreach (var record in spool.Records())
            WriteRow(names.Select(name => record.TryGetProperty(name, out var value) ? Text(value) : null));

        void WriteRow(IEnumerable<string?> cells)
        {
            foreach (var (i, cell) in cells.Index())
            {
                if (i > 0) writer.Write((char)separator);
                if (cell is null) continue;   // an empty cell is a missing field, "" an empty string
                if (cell.Length > 0 && !cell.AsSpan().ContainsAny([(char)separator, '"', '\n', '\r'])
                    && !TableRecords.IsNoValue(Encoding.UTF8.GetBytes(cell.Length > 5 ? "" : cell))) writer.Write(cell);
                else writer.Write($"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
            }
            writer.WriteLine();
        }
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Null => null,
        _ => value.GetRawText(),
    };
}
