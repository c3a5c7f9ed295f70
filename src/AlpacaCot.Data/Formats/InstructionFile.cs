using AlpacaCot.Data.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads instruction data as JSON: one array of records, or records one after another (JSON lines). The content decides, not the
/// name; gzip is unpacked on the way. A record is <c>{"instruction": ..., "input": ..., "output": ...}</c>, where
/// <c>input</c> may be missing or null, or <c>{"text": ...}</c> for plain text; other fields are ignored.
/// </summary>
public static class InstructionFile
{
    /// <summary>Reads a file record by record: memory holds a few records, never the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What to do about bad records; by default the first one is an error.</param>
    /// <exception cref="InputException">
    /// There is no such file (at once), or, while the records are enumerated: the file is empty, cut short, not JSON or not
    /// UTF-8, or a record cannot be used. The message names file, record and line.
    /// </exception>
    public static IEnumerable<Conversation> Read(string path, ReadOptions? options = null)
    {
        RecordFile.CheckExists(path);
        return ReadFile(path, options);
    }

    /// <summary>Reads records from a stream as from a file; gzip is recognised only where the stream can seek.</summary>
    /// <param name="stream">The bytes, read forwards; not disposed.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">What to do about bad records.</param>
    /// <exception cref="InputException">As for a file.</exception>
    public static IEnumerable<Conversation> Read(Stream stream, string name, ReadOptions? options = null)
    {
        options ??= new();
        return ReadRecords(stream.CanSeek ? RecordFile.Unpack(stream) : stream, name, options);
    }

    private static IEnumerable<Conversation> ReadFile(string path, ReadOptions? options)
    {
        using var file = RecordFile.Open(path);
        foreach (var conversation in Read(file, path, options)) yield return conversation;
    }

    private static IEnumerable<Conversation> ReadRecords(Stream stream, string name, ReadOptions options)
    {
        var records = new JsonRecords(stream, name);
        var used = 0L;
        while (records.MoveNext())
        {
            Conversation? conversation = null;
            if ((records.Problem ?? InstructionRecord.Parse(records.Current, out conversation)) is { } problem)
            {
                options.Refuse(records.Place, problem);
                continue;
            }
            used++;
            yield return conversation! with { Origin = $"{name}, record {records.Number}" };
        }
        if (used == 0)
            throw new InputException($"{name}: "
                + (records.Number == 0 ? "the file holds no records." : $"none of its {records.Number} records can be used."));
    }
}
