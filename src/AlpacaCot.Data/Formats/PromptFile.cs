using System.Text.Json;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>One record of a file of prompts: a conversation to answer, a text to continue, or token ids.</summary>
/// <param name="Origin">File, record and line, for messages.</param>
public sealed record PromptRecord(string Origin)
{
    /// <summary>The conversation up to the answer that is asked for; null for a text or ids.</summary>
    public Conversation? Conversation { get; init; }

    /// <summary>A text to continue without a template; null for others.</summary>
    public string? Text { get; init; }

    /// <summary>Token ids to continue; null for others.</summary>
    public IReadOnlyList<int>? Ids { get; init; }

    /// <summary>The fields of the record that are no part of the prompt, a given answer among them.</summary>
    public IReadOnlyDictionary<string, JsonElement> Others { get; init; } = new Dictionary<string, JsonElement>();
}

/// <summary>
/// Reads prompts from any file that <see cref="InstructionFile"/> reads; records need no answers. A JSON string is an
/// instruction, an object with <c>ids</c> holds token ids, one with <c>text</c> alone a text to continue; a line of a <c>.txt</c>
/// file is an instruction.
/// </summary>
public static class PromptFile
{
    /// <summary>Reads a file record by record.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Format and column names; by default both are recognised.</param>
    /// <exception cref="InputException">The file cannot be read, a record is no prompt, or there are none.</exception>
    public static IEnumerable<PromptRecord> Read(string path, ReadOptions? options = null)
    {
        RecordFile.CheckExists(path);
        options = (options ?? new()) with { Answers = AnswerRule.Optional };
        RecordFormats.Check(options);
        return ReadFile(path, options);
    }

    private static IEnumerable<PromptRecord> ReadFile(string path, ReadOptions options)
    {
        using var file = RecordFile.Open(path);
        var container = "text lines";
        using var records = options.Format == "text" || (options.Format is null && RecordFile.IsText(path))
            ? RecordFile.Lines(file, path, options) : RecordFile.Cursor(file, path, options, out container, unfold: true);
        if (records is TableRecords table) InstructionFile.CheckColumns(table, path, options);
        IRecordFormat? format = null;
        var used = 0L;
        while (records.MoveNext())
        {
            PromptRecord? prompt = null;
            var isNew = format is null;
            if ((records.Problem ?? Parse(records, ref format, options, out prompt)) is { } problem)
            {
                options.Refuse(records.Location, problem);
                continue;
            }
            if (isNew && format is not null && prompt!.Conversation is { } first)
                options.OnRecognized?.Invoke($"{path}: {container}; {format.Name}"
                    + RecordMapping.Describe(format, RecordMapping.Names(records), records.Columns, first));
            used++;
            yield return prompt!;
        }
        if (used == 0) throw new InputException($"{path}: the file contains no prompts.");
    }

    private static string? Parse(IRecordCursor records, ref IRecordFormat? format, ReadOptions options, out PromptRecord? prompt)
    {
        prompt = null;
        if (JsonText.Read(records.Current, out var record) is { } broken) return broken;
        var empty = new PromptRecord(records.Location);
        if (record.ValueKind == JsonValueKind.String || records is LineRecords)
        {
            var text = records is LineRecords ? record.GetProperty("text") : record;
            prompt = empty with { Conversation = new Conversation([new Turn(Role.User, text.GetString()!.Trim())]) };
            return null;
        }
        if (record.ValueKind != JsonValueKind.Object)
            return $"it is {JsonText.Kind(record)}; allowed is a JSON string, or an object with \"instruction\" and optionally "
                + "\"input\", with \"text\", with \"ids\", or with any field names of instruction data";
        if (options.Columns.Count == 0 && record.TryGetProperty("ids", out var ids)
            && (FlatRecord.Decoded(ids) is { ValueKind: JsonValueKind.Array } || !IsQuestion(record)))
        {
            ids = FlatRecord.Decoded(ids);
            if (ids.ValueKind != JsonValueKind.Array || !ids.EnumerateArray().All(id => id.ValueKind == JsonValueKind.Number
                && id.TryGetInt32(out _)))
                return "its \"ids\" is not a list of whole numbers";
            if (record.TryGetProperty("instruction", out _) || record.TryGetProperty("text", out _))
                return "it has \"ids\" beside an \"instruction\" or a \"text\"; keep one";
            prompt = empty with
            {
                Ids = [.. ids.EnumerateArray().Select(id => id.GetInt32())], Others = DialogueTurns.Fields(record, ["ids"]),
            };
            return null;
        }
        var json = records.Current;
        string? refusal = null;
        var known = format ?? RecordFormats.Of(json, options, records.Columns, records.IsTable, out refusal);
        if (refusal is not null) throw new InputException($"{records.Location}: {refusal}.");
        known ??= new FlatRecord("alpaca", new Dictionary<string, string?>(), records.IsTable, records.Columns, options.Answers);
        if (known.Parse(json, out var conversation) is { } problem)
            return RecordFormats.Of(json, options, records.Columns, records.IsTable, out _) is FlatRecord other
                && other.Parse(json, out conversation) is null ? Taken(other, record, conversation!, empty, out prompt) : problem;
        format = known;
        return Taken(known, record, conversation!, empty, out prompt);
    }

    // Beside a question, "ids" that are no list are another field.
    private static bool IsQuestion(JsonElement record) =>
        record.EnumerateObject().Any(field => field.Name != "ids" && FieldRoles.Names.Contains(field.Name));

    private static string? Taken(IRecordFormat format, JsonElement record, Conversation conversation, PromptRecord empty,
        out PromptRecord? prompt)
    {
        prompt = null;
        // In flat records only the prompt's own fields are used up: a given answer is kept under its name.
        var others = format is FlatRecord flat
            ? DialogueTurns.Fields(record, [.. record.EnumerateObject().Select(field => field.Name).Where(flat.IsOfPrompt)])
            : new OrderedDictionary<string, JsonElement>(conversation.Metadata);
        var turns = conversation.Turns.ToList();
        if (turns.Count == 1 && turns[0].Role == Role.Assistant && format is FlatRecord { TextField: { } text }
            && record.TryGetProperty(text, out var plain) && plain.ValueKind == JsonValueKind.String)
        {
            others.Remove(text);
            prompt = empty with { Text = plain.GetString(), Others = others };
            return null;
        }
        if (turns.Count > 0 && turns[^1].Role == Role.Assistant)
        {
            if (format is not FlatRecord) others.TryAdd("reference", JsonSerializer.SerializeToElement(turns[^1].Text));
            turns.RemoveAt(turns.Count - 1);
        }
        if (turns.Count == 0 || turns[^1].Role is Role.System)
            return "it has no question to answer";
        prompt = empty with { Conversation = conversation with { Turns = turns, Rejected = null }, Others = others };
        return null;
    }
}
