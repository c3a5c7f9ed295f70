using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// Field access for one raw record. It tracks which fields a converter reads; the others become metadata of the
/// conversation, so no data is lost.
/// </summary>
internal sealed class RawFields(RawRecord record, ConvertOptions options)
{
    private readonly HashSet<string> _used = [];

    /// <summary>The raw record.</summary>
    public RawRecord Record => record;

    /// <summary>The conversion options.</summary>
    public ConvertOptions Options => options;

    /// <summary>Whether the record has the field, even with a null value.</summary>
    public bool Has(string name) => record.Value.ValueKind == JsonValueKind.Object && record.Value.TryGetProperty(name, out _);

    /// <summary>Reads a field and marks it as used; undefined if missing.</summary>
    public JsonElement Element(string name)
    {
        if (record.Value.ValueKind != JsonValueKind.Object) throw Bad($"it is {JsonText.Kind(record.Value)}, expected an object");
        return record.Value.TryGetProperty(name, out var value) && _used.Add(name) | true ? value : default;
    }

    /// <summary>Text of the first field that exists.</summary>
    /// <exception cref="InputException">None of the fields exists, or the value is not a string or number.</exception>
    public string Text(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (Element(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value)
                return AsText(value, name);
        throw Bad($"missing field \"{string.Join("\" or \"", names.ToArray())}\"; " + FieldNames());
    }

    /// <summary>Text of a field; empty if it is missing or null.</summary>
    public string TextOrEmpty(string name) =>
        Element(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value ? AsText(value, name) : "";

    /// <summary>Elements of a list field; empty if it is missing.</summary>
    public IEnumerable<JsonElement> Items(string name) => Element(name) switch
    {
        { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => [],
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
        var other => throw Bad($"\"{name}\" is {JsonText.Kind(other)}, expected a list"),
    };

    /// <summary>Text of a string value; numbers are returned as written.</summary>
    public string AsText(JsonElement value, string name) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => throw Bad($"\"{name}\" is {JsonText.Kind(value)}, expected a string"),
    };

    /// <summary>Creates a conversation; all fields not read so far become its metadata.</summary>
    public Conversation Conversation(params IReadOnlyList<Turn> turns) =>
        new(turns) { Origin = record.Origin, Metadata = Rest() };

    /// <summary>Creates a single-turn conversation; all fields not read so far become its metadata.</summary>
    public Conversation Instruction(string instruction, string input, string output) =>
        Conversation(new Turn(Role.User, instruction, input), new Turn(Role.Assistant, output));

    /// <summary>Creates an error with the record's file and position.</summary>
    public InputException Bad(string what) => new($"{record.Origin}: {what.TrimEnd('.')}.");

    /// <summary>Lists the record's first fields, for use at the end of a message.</summary>
    public string FieldNames()
    {
        var names = record.Value.EnumerateObject().Select(field => field.Name).ToList();
        return names.Count == 0 ? "the record is empty"
            : "the record has " + string.Join(", ", names.Take(8)) + (names.Count > 8 ? ", ..." : "");
    }

    private OrderedDictionary<string, JsonElement> Rest()
    {
        var rest = new OrderedDictionary<string, JsonElement>();
        foreach (var field in record.Value.EnumerateObject())
            if (!_used.Contains(field.Name)) rest[field.Name] = field.Value;
        return rest;
    }
}
