using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads instruction data: the containers of <see cref="RecordFile"/>, holding records of any of
/// <see cref="RecordFormats.Names"/>. The content decides, not the name. A file has one format, that of its first usable record.
/// </summary>
public static class InstructionFile
{
    /// <summary>Reads a file record by record: memory holds a few records (of Parquet: a row group), never the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">
    /// The format, names of columns, what to do about bad records; by default the first one is an error.
    /// </param>
    /// <exception cref="InputException">
    /// There is no such file, or the options name none (at once), or, while the records are enumerated: the file is empty, cut
    /// short, of no known kind, or a record cannot be used. The message names file, record and line.
    /// </exception>
    public static IEnumerable<Conversation> Read(string path, ReadOptions? options = null)
    {
        RecordFile.CheckExists(path);
        RecordFormats.Check(options ??= new());
        return ReadFile(path, options);
    }

    /// <summary>Reads records from a stream as from a file.</summary>
    /// <param name="stream">The bytes, read forwards; not disposed.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">As for a file.</param>
    /// <exception cref="InputException">As for a file.</exception>
    public static IEnumerable<Conversation> Read(Stream stream, string name, ReadOptions? options = null)
    {
        RecordFormats.Check(options ??= new());
        return ReadRecords(stream, name, options);
    }

    private static IEnumerable<Conversation> ReadFile(string path, ReadOptions options)
    {
        using var file = RecordFile.Open(path);
        foreach (var conversation in ReadRecords(file, path, options)) yield return conversation;
    }

    private static IEnumerable<Conversation> ReadRecords(Stream stream, string name, ReadOptions options)
    {
        using var records = RecordFile.Cursor(stream, name, options, out var container);
        if (records is TableRecords table) CheckColumns(table, name, options);
        IRecordFormat? format = null;
        var used = 0L;
        while (records.MoveNext())
        {
            Conversation? conversation = null;
            if ((records.Problem ?? Parse(records, ref format, options, out conversation)) is { } problem)
            {
                options.Refuse(records.Place, problem);
                continue;
            }
            if (used++ == 0) options.OnRecognized?.Invoke($"{name}: {container}; {format!.Name}");
            yield return conversation! with { Origin = $"{name}, record {records.Number}" };
        }
        if (used == 0)
            throw new InputException($"{name}: " + (records.Number == 0 ? "the file holds no records."
                : $"none of its {records.Number} records can be used."));
    }

    /// <summary>Any text can be taken for a table; one whose columns nobody knows is most likely none.</summary>
    private static void CheckColumns(TableRecords table, string name, ReadOptions options)
    {
        var row = JsonSerializer.SerializeToUtf8Bytes(table.Columns.ToDictionary(column => column, _ => "[]"));
        if (RecordFormats.Of(row, options, isTable: true) is not null) return;
        var columns = string.Join(", ",
            table.Columns.Take(8).Select(column => column.Length > 40 ? column[..40] + "..." : column));
        throw new InputException($"{name}: the text begins with neither [ nor {{, so it is no JSON, and as {table.Container} its "
            + $"first line names no column that is known ({columns}). Say which column is which, as in "
            + $"instruction={table.Columns[0].Split(' ')[0]}.");
    }

    private static string? Parse(IRecordCursor records, ref IRecordFormat? format, ReadOptions options,
        out Conversation? conversation)
    {
        conversation = null;
        var known = format ?? RecordFormats.Of(records.Current, options, records.IsTable);
        // What no format claims is told what the simplest one lacks.
        known ??= new FlatRecord("alpaca", new Dictionary<string, string?>(), records.IsTable);
        var problem = known.Parse(records.Current, out conversation);
        if (problem is null) format = known;
        else if (format is not null && options.Format is null
            && RecordFormats.Of(records.Current, options, records.IsTable) is { } other && other.Name != format.Name)
            return $"this is a record of the format {other.Name}, but the file began with {format.Name}; split the file by "
                + "formats";
        return problem;
    }
}
