using System.Collections.Frozen;
using System.Text.Json;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Finds the fields with the instruction and the answer of flat records by their names. A guess that could make the model learn
/// something else than the file says is refused with the mapping to write.
/// </summary>
internal static class FieldRoles
{
    private static readonly string[] Instructions =
        ["instruction", "question", "query", "prompt", "problem", "inputs", "human", "user", "input"];

    private static readonly string[] Outputs =
        ["output", "response", "answer", "completion", "solution", "targets", "target", "assistant", "bot"];

    /// <summary>Names of a chat's two sides, which in other records are names of persons or models.</summary>
    private static readonly string[] Sides = ["human", "user", "assistant", "bot"];

    /// <summary>Pairs of names that are the instruction and the answer whatever else there is: FLAN and MATH.</summary>
    private static readonly (string Instruction, string Output)[] Pairs = [("inputs", "targets"), ("problem", "solution")];

    /// <summary>Fields beside the instruction and the answer that are never the instruction.</summary>
    private static readonly FrozenSet<string> Others = new[]
    {
        "system", "system_prompt", "history", "rejected", FlatRecord.TurnsField, FlatRecord.OtherFields,
    }.ToFrozenSet();

    /// <summary>Names that have, or could have, a role.</summary>
    public static FrozenSet<string> Names { get; } =
        Instructions.Concat(Outputs).Concat(Others).Append("text").Append("context").ToFrozenSet();

    /// <summary>Whether a record has a field for the answer, or plain text with a field that could be its instruction.</summary>
    public static bool Apply(RecordFields fields) => Array.Exists(Outputs, fields.Has)
        || (fields.Has("text") && Array.Exists(Instructions, name => fields.Has(name) && fields.IsText(name)));

    /// <summary>Completes a mapping with the names for <c>instruction</c> and <c>output</c>; null: there is none.</summary>
    /// <param name="fields">The fields of the record and of the table.</param>
    /// <param name="mapping">The user's names for the fields; completed.</param>
    /// <param name="answers">Whether answers are needed; else a record may have an instruction alone.</param>
    /// <returns>Why the names are not clear, with the remedy; null where they are.</returns>
    public static string? Complete(RecordFields fields, Dictionary<string, string?> mapping, bool answers)
    {
        if (mapping.ContainsKey("text") && !mapping.ContainsKey("output") && !mapping.ContainsKey("instruction"))
        {
            (mapping["instruction"], mapping["output"]) = (null, null);
            return null;
        }
        var outputs = Candidates(fields, mapping, "output", Outputs);
        var instructions = Candidates(fields, mapping, "instruction", Instructions);
        foreach (var (instruction, output) in Pairs)
            if (instructions.Contains(instruction) && outputs.Contains(output)) (instructions, outputs) = ([instruction],
                [output]);
        // "human" and "user" ask only where "assistant" or "bot" answers; elsewhere they name somebody.
        if (outputs.Exists(name => !Sides.Contains(name))) outputs.RemoveAll(Sides.Contains);
        if (instructions.Exists(name => !Sides.Contains(name)) && !outputs.Exists(Sides.Contains))
            instructions.RemoveAll(Sides.Contains);
        if (instructions.Count > 1) instructions.Remove("input");
        if (outputs.Count == 2 && outputs.Contains("solution") && outputs.Contains("answer")) outputs.Remove("answer");
        if (outputs.Count > 1) return Unclear("the answer", outputs, instructions.FirstOrDefault(), null);
        if (instructions.Count > 1) return Unclear("the instruction", instructions, null, outputs.FirstOrDefault());
        var (asked, answer) = (instructions.FirstOrDefault(), outputs.FirstOrDefault());
        if (asked is null && answer is not null && !mapping.ContainsKey("instruction")
            && Rest(fields, mapping, answer) is [var weak, ..] rest)
            return $"it is not clear whether {Listed(rest, "or")} is the instruction to {Quoted(answer)}; write "
                + $"{Line(weak, answer)}, or columns: {{ text: {answer} }} for plain text without an instruction";
        if (answer is null && asked is not null && answers && fields.Has("text") && !mapping.ContainsKey("output"))
            return $"it is not clear whether \"text\" is the answer to {Quoted(asked)}; write {Line(asked, "text")}, or "
                + "columns: { text: text } for plain text";
        mapping.TryAdd("output", answer);
        // "response" alone is plain text, as in ms-swift; "output" alone lacks its instruction.
        mapping.TryAdd("instruction", asked ?? (answer == "output" ? "instruction" : null));
        return null;
    }

    /// <summary>Describes a mapping: <c>inputs -> instruction, targets -> output</c>.</summary>
    public static string Describe(IEnumerable<(string Theirs, string Role)> pairs) =>
        string.Join(", ", pairs.Select(pair => $"{pair.Theirs} -> {pair.Role}"));

    private static List<string> Candidates(RecordFields fields, Dictionary<string, string?> mapping, string role, string[] names)
    {
        if (mapping.TryGetValue(role, out var given)) return given is null ? [] : [given];
        var present = names.Where(name => fields.Has(name) && !mapping.ContainsValue(name)).ToList();
        // A number or a list is no text to learn; where it is the only candidate, the record's own error says so.
        return present.Exists(fields.IsText) ? present.FindAll(fields.IsText) : present;
    }

    private static List<string> Rest(RecordFields fields, Dictionary<string, string?> mapping, string answer) =>
        [.. fields.Names.Where(name => name != answer && fields.IsText(name) && !Others.Contains(name)
            && !mapping.ContainsValue(name) && !IsNumberOfRecord(name))];

    private static bool IsNumberOfRecord(string name) => name.ToLowerInvariant() is "id" or "uid" or "uuid" or "guid" or "idx"
        or "index" || name.EndsWith("_id", StringComparison.OrdinalIgnoreCase);

    private static string Unclear(string what, List<string> names, string? asked, string? answer) =>
        $"{Listed(names, "and")} could each be {what}; say which, for example with "
        + Line(asked ?? (answer is null ? "NAME" : names[0]), answer ?? names[0]);

    private static string Line(string asked, string answer) => $"columns: {{ instruction: {asked}, output: {answer} }} "
        + $"(--columns instruction={asked},output={answer})";

    private static string Quoted(string name) => $"\"{name}\"";

    private static string Listed(List<string> names, string word) => names.Count == 1 ? Quoted(names[0])
        : string.Join(", ", names.SkipLast(1).Take(6).Select(Quoted)) + $" {word} {Quoted(names[^1])}";
}

/// <summary>The fields of a record, and of its table where it is a row, with the kinds of their values.</summary>
internal sealed class RecordFields
{
    private readonly OrderedDictionary<string, JsonElement> _values = [];
    private readonly IReadOnlyDictionary<string, JsonValueKind>? _columns;

    /// <param name="record">A JSON object.</param>
    /// <param name="columns">The columns of a table with the kinds of their values; a cell may be missing from the
    /// record.</param>
    public RecordFields(JsonElement record, IReadOnlyDictionary<string, JsonValueKind>? columns)
    {
        _columns = columns;
        foreach (var column in columns?.Keys ?? []) _values[column] = default;
        foreach (var field in record.EnumerateObject()) _values[field.Name] = field.Value;
    }

    public IEnumerable<string> Names => _values.Keys;

    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>Gives a field another name.</summary>
    public void Rename(string from, string to)
    {
        if (from != to && _values.Remove(from, out var value)) _values[to] = value;
    }

    /// <summary>Adds fields of an earlier record, without values.</summary>
    public void Add(IEnumerable<string> names)
    {
        foreach (var name in names) _values.TryAdd(name, default);
    }

    /// <summary>Whether a field holds text, or may hold it in other records.</summary>
    public bool IsText(string name) => Kind(name) is JsonValueKind.String or JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>Whether a field holds a list, also in text form.</summary>
    public bool IsList(string name) => Value(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value
        ? FlatRecord.Decoded(value).ValueKind == JsonValueKind.Array
        : _columns?.GetValueOrDefault(name) == JsonValueKind.Array;

    /// <summary>The value of a field; undefined where the record has none.</summary>
    public JsonElement Value(string name) => _values.GetValueOrDefault(name);

    private JsonValueKind Kind(string name) => Value(name).ValueKind is var kind
        && kind is JsonValueKind.Undefined or JsonValueKind.Null && _columns is not null
            ? _columns.GetValueOrDefault(name, kind) : kind;
}
