using System.Text.Json;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>The record formats and their detection.</summary>
public static class RecordFormats
{
    /// <summary>
    /// Names of the input formats: <c>alpaca</c> (also <c>{text}</c>), <c>pairs</c> (alpaca with other field names),
    /// <c>choices</c> (multiple choice), <c>sharegpt</c>, <c>belle</c> (either sharegpt or alpaca), <c>openai</c>,
    /// <c>preference</c>, <c>questions</c> (MT-bench), <c>self-instruct</c> (seed tasks) and <c>text</c> (a plain text file, one
    /// record per line).
    /// </summary>
    public static IReadOnlyList<string> Names { get; } =
        ["alpaca", "pairs", "choices", "sharegpt", "belle", "openai", "preference", "questions", "self-instruct", "text"];

    /// <summary>Fields that can be renamed: the keys of <see cref="ReadOptions.Columns"/>.</summary>
    public static IReadOnlyList<string> Fields { get; } =
        [.. FlatRecord.Names, "conversations", "messages", "prompt", "chosen"];

    /// <summary>Validates format and column names.</summary>
    /// <exception cref="InputException">An unknown format or field.</exception>
    internal static void Check(ReadOptions options)
    {
        if (options.Format is { } format && !Names.Contains(format))
            throw new InputException($"Unknown format \"{format}\". {Spelling.Suggestion(format, [.. Names])}");
        foreach (var field in options.Columns.Keys)
            if (!Fields.Contains(field))
                throw new InputException($"Unknown field \"{field}\" in the column mapping. "
                    + $"{Spelling.Suggestion(field, [.. Fields])}");
    }

    /// <summary>
    /// The format for a record: the one in the options, else the detected one; null if none matches.
    /// </summary>
    /// <param name="json">The record.</param>
    /// <param name="options">The user's format and names.</param>
    /// <param name="table">The columns of a table; null for other files.</param>
    /// <param name="isTable">Whether a missing field may be read as empty.</param>
    /// <param name="refusal">Why the roles of the fields are not clear, with the remedy; null where they are.</param>
    /// <param name="before">Names of fields of earlier records, which count too.</param>
    internal static IRecordFormat? Of(ReadOnlySpan<byte> json, ReadOptions options,
        IReadOnlyDictionary<string, JsonValueKind>? table, bool isTable, out string? refusal, IEnumerable<string>? before = null)
    {
        refusal = null;
        if (JsonText.Read(json, out var record) is not null || record.ValueKind != JsonValueKind.Object) return null;
        var fields = new RecordFields(record, table);
        fields.Add(before ?? []);
        var columns = options.Columns;
        var own = columns.ToDictionary(c => c.Key, string? (c) => c.Value);
        var given = new RecordFields(record, table);
        given.Add(before ?? []);
        foreach (var (standard, name) in columns) given.Rename(name, standard);
        var format = options.Format ?? Recognise(given, columns.Count > 0);
        switch (format)
        {
            case "belle" when !given.IsList("conversations"):
            case "alpaca" or "text": return new FlatRecord("alpaca", own, isTable, table, options.Answers);
            case "belle": return new DialogueRecord("sharegpt", columns);
            case "choices": return new ChoiceRecord(columns);
            case null when columns.Count == 0 && options.Answers != AnswerRule.Optional: return null;
            case null or "pairs":
                refusal = FieldRoles.Complete(fields, own, options.Answers != AnswerRule.Optional);
                if (format is null && own.GetValueOrDefault("instruction") is null && own.GetValueOrDefault("output") is null
                    && !columns.ContainsKey("text"))
                    return null;
                return new FlatRecord("pairs", own, isTable, table, options.Answers);
            default: return new DialogueRecord(format, columns);
        }
    }

    private static string? Recognise(RecordFields fields, bool mapped)
    {
        var (has, isList) = ((Func<string, bool>)fields.Has, (Func<string, bool>)fields.IsList);
        if ((has("chosen") && has("rejected")) || (has("preferred_output") && has("non_preferred_output"))
            || (has("chosen_messages") && has("rejected_messages"))) return "preference";
        if (isList("messages")) return "openai";
        if (isList("conversations") || isList("conversation") || isList("dialog") || isList("dialogue")) return "sharegpt";
        if (IsListOf(fields, "data", JsonValueKind.String)) return "sharegpt";   // UltraChat
        if (has("instruction") && isList("instances")) return "self-instruct";
        if (!mapped && ChoiceRecord.Fits(fields)) return "choices";
        if (has("instruction") && has("output") && fields.IsText("instruction")) return "alpaca";
        if (isList("turns") || isList("choices")) return "questions";
        // TRL's prompt and completion as lists of messages.
        if (IsListOf(fields, "completion", JsonValueKind.Object) && has("prompt")) return "openai";
        if (FieldRoles.Apply(fields)) return "pairs";
        if (has("text")) return "alpaca";
        return has("messages") ? "openai" : has("conversations") || has("conversation") ? "sharegpt" : null;
    }

    private static bool IsListOf(RecordFields fields, string name, JsonValueKind kind) => fields.IsList(name)
        && FlatRecord.Decoded(fields.Value(name)) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0
        && list[0].ValueKind == kind;
}
