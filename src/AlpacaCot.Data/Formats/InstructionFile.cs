using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads instruction data: any container of <see cref="RecordFile"/> with records of any of
/// <see cref="RecordFormats.Names"/>. Both are detected from the content. The first usable record sets the file's format.
/// </summary>
public static class InstructionFile
{
    /// <summary>Reads a file record by record; memory use is a few records (for Parquet: one row group).</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">
    /// Format, column names and handling of unusable records; by default the first one throws.
    /// </param>
    /// <exception cref="InputException">
    /// Thrown at once: file not found, or invalid options. Thrown during enumeration: the file is empty, truncated or of unknown
    /// type, or a record is unusable. The message names file, record and line.
    /// </exception>
    public static IEnumerable<Conversation> Read(string path, ReadOptions? options = null)
    {
        RecordFile.CheckExists(path);
        RecordFormats.Check(options ??= new());
        return ReadFile(path, options);
    }

    /// <summary>Reads records from a stream, like from a file.</summary>
    /// <param name="stream">The bytes, read sequentially; not disposed.</param>
    /// <param name="name">Name of the source in messages.</param>
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
        foreach (var conversation in InputBoundary.Each(path, ReadRecords(file, path, options))) yield return conversation;
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
                options.Refuse(records.Location, problem);
                continue;
            }
            if (used++ == 0) options.OnRecognized?.Invoke($"{name}: {container}; {format!.Name}");
            yield return conversation! with { Origin = $"{name}, record {records.Number}" };
        }
        if (used == 0)
            throw new InputException($"{name}: " + (records.Number == 0 ? "the file contains no records."
                : $"none of its {records.Number} records is usable."));
    }

    /// <summary>Any text parses as a table; without a known column it is most likely not one.</summary>
    private static void CheckColumns(TableRecords table, string name, ReadOptions options)
    {
        var row = JsonSerializer.SerializeToUtf8Bytes(table.Columns.ToDictionary(column => column, _ => "[]"));
        if (RecordFormats.Of(row, options, isTable: true) is not null) return;
        var columns = string.Join(", ",
            table.Columns.Take(8).Select(column => column.Length > 40 ? column[..40] + "..." : column));
        throw new InputException($"{name}: this is not JSON (it does not start with [ or {{), and as {table.Container} its "
            + $"first line has no known column ({columns}). Map the columns, for example "
            + $"instruction={table.Columns[0].Split(' ')[0]}.");
    }

    private static string? Parse(IRecordCursor records, ref IRecordFormat? format, ReadOptions options,
        out Conversation? conversation)
    {
        try
        {
            return Interpret(records, ref format, options, out conversation);
        }
        catch (Exception e) when (InputBoundary.IsOfContent(e))
        {
            conversation = null;
            return $"it has an unexpected form: {InputBoundary.Reason(e)}";
        }
    }

    private static string? Interpret(IRecordCursor records, ref IRecordFormat? format, ReadOptions options,
        out Conversation? conversation)
    {
        conversation = null;
        var known = format ?? RecordFormats.Of(records.Current, options, records.IsTable);
        // For a record of unknown format, report the problem that the simplest format finds.
        known ??= new FlatRecord("alpaca", new Dictionary<string, string?>(), records.IsTable);
        var problem = known.Parse(records.Current, out conversation);
        if (problem is null) format = known;
        else if (format is not null && options.Format is null
            && RecordFormats.Of(records.Current, options, records.IsTable) is { } other && other.Name != format.Name)
            return $"this record has the format {other.Name}, the records before it {format.Name}; split the file by "
                + "formats";
        return problem;
    }
}
