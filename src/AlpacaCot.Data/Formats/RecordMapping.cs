using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Describes in words which fields of a file have which role.</summary>
internal static class RecordMapping
{
    private const int NamesShown = 12;

    /// <summary>The names of the current record's fields, or of the table's columns.</summary>
    public static HashSet<string> Names(IRecordCursor records)
    {
        if (records.Columns is { } columns) return [.. columns.Keys];
        using var record = JsonDocument.Parse(records.Current.ToArray());
        return record.RootElement.ValueKind == JsonValueKind.Object
            ? [.. record.RootElement.EnumerateObject().Select(field => field.Name)] : [];
    }

    /// <summary>The roles and the fields without one: <c>; inputs -> instruction, targets -> output; kept aside:
    /// task</c>.</summary>
    public static string Describe(IRecordFormat format, HashSet<string> names, IReadOnlyDictionary<string, JsonValueKind>? table,
        Conversation first)
    {
        var roles = format switch
        {
            FlatRecord flat => FieldRoles.Describe(flat.Renamed(names.Contains)),
            ChoiceRecord choices => choices.Roles(names),
            _ => "",
        };
        // Chat templates read the tools.
        var aside = first.Metadata.Keys.Where(name => names.Contains(name) && name != "tools").ToList();
        if (format is FlatRecord used && table is not null)
            aside = [.. table.Keys.Where(name => !used.Uses(name) || aside.Contains(name))];
        return (roles.Length > 0 ? $"; {roles}" : "") + (aside.Count == 0 ? ""
            : $"; kept aside: {string.Join(", ", aside.Take(NamesShown))}{(aside.Count > NamesShown ? ", ..." : "")}");
    }

    /// <summary>The fields of a format that are the instruction and the answer.</summary>
    public static string Roles(IRecordFormat? format) => format is FlatRecord flat
        ? FieldRoles.Describe(flat.Renamed(_ => true).Where(pair => pair.Role is "instruction" or "output"))
            is { Length: > 0 } roles
            ? roles : $"the format is {flat.Name}"
        : format is null ? "the format is unknown" : $"the format is {format.Name}";

    /// <summary>The problem of a record with an answer that is empty.</summary>
    public static string Empty(IRecordFormat format, Conversation conversation, int turn) =>
        (conversation.Turns.Count == 1 ? "its text"
            : format is FlatRecord { AnswerField: { } field } && turn == conversation.Turns.Count
                ? $"its \"{field}\", the answer,"
            : $"its turn {turn}, an answer,")
        + " is empty, which teaches a model to say nothing; write the answer, or skip such records (training.skip_bad: true, or "
        + "data clean)";
}
