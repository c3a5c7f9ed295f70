using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads instruction data: any container of <see cref="RecordFile"/> with records of any of
/// <see cref="RecordFormats.Names"/>. Both are detected from the content. The first usable record, or a table's columns, set the
/// file's format; optional fields are looked up in every record.
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
        var (reported, length) = (0L, file.CanSeek ? file.Length : 0);
        foreach (var conversation in InputBoundary.Each(path, ReadRecords(file, path, options)))
        {
            options.Report(file, ref reported);
            yield return conversation;
        }
        options.Report(length, ref reported);
    }

    private static IEnumerable<Conversation> ReadRecords(Stream stream, string name, ReadOptions options)
    {
        using var records = RecordFile.Cursor(stream, name, options, out var container, unfold: true);
        if (records is TableRecords table) CheckColumns(table, name, options);
        IRecordFormat? format = null;
        var (used, names, otherNames) = (0L, new HashSet<string>(), 0);
        while (records.MoveNext())
        {
            Conversation? conversation = null;
            if ((records.Problem ?? Parse(records, ref format, options, out conversation)) is { } problem)
            {
                options.Refuse(records.Location, problem);
                continue;
            }
            if (used++ == 0)
            {
                names = RecordMapping.Names(records);
                options.OnRecognized?.Invoke($"{name}: {container}; {format!.Name}"
                    + RecordMapping.Describe(format, names, records.Columns, conversation!));
                otherNames = (format as FlatRecord)?.OtherNamesUsed ?? 0;
            }
            else if (format is FlatRecord flat)
            {
                if (records.Columns is null) CheckNames(records, flat, options, conversation!, names);
                if (otherNames != flat.OtherNamesUsed && records.Columns is null)
                {
                    otherNames = flat.OtherNamesUsed;
                    var before = flat.Renamed(names.Contains).ToList();
                    names.UnionWith(RecordMapping.Names(records));
                    if (flat.Renamed(names.Contains).Except(before).ToList() is { Count: > 0 } added)
                        options.OnRecognized?.Invoke($"{name}: from record {records.Number} on {FieldRoles.Describe(added)}");
                }
            }
            yield return conversation! with { Origin = $"{name}, record {records.Number}" };
        }
        if (used == 0)
            throw new InputException($"{name}: " + (records.Number == 0 ? "the file contains no records."
                : $"none of its {records.Number} records is usable."));
    }

    /// <summary>Any text parses as a table; without a known column it is most likely not one.</summary>
    internal static void CheckColumns(TableRecords table, string name, ReadOptions options)
    {
        var row = JsonSerializer.SerializeToUtf8Bytes(table.Columns.ToDictionary(column => column.Key, _ => "[]"));
        var format = RecordFormats.Of(row, options, table.Columns, isTable: true, out var refusal);
        if (refusal is not null) throw new InputException($"{name}, line 1: {refusal}.");
        if (format is FlatRecord flat) table.TextColumns = [.. flat.TextFields];
        if (format is not null) return;
        var columns = string.Join(", ",
            table.Columns.Keys.Take(8).Select(column => column.Length > 40 ? column[..40] + "..." : column));
        throw new InputException($"{name}: this is not JSON (it does not start with [ or {{), and as {table.Container} its "
            + $"first line has no known column ({columns}). Map the columns, for example "
            + $"instruction={table.Columns.First().Key.Split(' ')[0]}.");
    }

    // A field that is first seen here could be the instruction or the answer of all records.
    private static void CheckNames(IRecordCursor records, FlatRecord format, ReadOptions options, Conversation conversation,
        HashSet<string> names)
    {
        var isNew = false;
        foreach (var field in conversation.Metadata.Keys)
            if (FieldRoles.Names.Contains(field) && names.Add(field)) isNew = true;
        if (!isNew) return;
        var now = RecordFormats.Of(records.Current, options, null, records.IsTable, out var refusal, names);
        if (refusal is null && now is FlatRecord flat && flat.HasRolesOf(format)) return;
        throw new InputException($"{records.Location}: it has a field that changes the roles: "
            + (refusal ?? $"with it {RecordMapping.Roles(now)}, but in the records before {RecordMapping.Roles(format)}; say "
                + "which, "
                + "for example with columns: { instruction: NAME, output: NAME }") + ".");
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
        string? refusal = null;
        var known = format ?? RecordFormats.Of(records.Current, options, records.Columns, records.IsTable, out refusal);
        if (refusal is not null) throw new InputException($"{records.Location}: {refusal}.");
        // For a record of unknown format, report the problem that the simplest format finds.
        known ??= new FlatRecord("alpaca", new Dictionary<string, string?>(), records.IsTable, records.Columns);
        var problem = known.Parse(records.Current, out conversation);
        if (problem is null && options.Answers == AnswerRule.Filled && EmptyAnswer.TurnOf(conversation!) is > 0 and var turn)
            return RecordMapping.Empty(known, conversation!, turn);
        if (problem is null) (format, conversation) = (known, DialogueTurns.WithTools(conversation!));
        else if (format is not null && options.Format is null
            && RecordFormats.Of(records.Current, options, records.Columns, records.IsTable, out _) is { } other
            && other.Name != format.Name)
            return $"this record has the format {other.Name}, the records before it {format.Name}; split the file by "
                + "formats";
        return problem;
    }
}
