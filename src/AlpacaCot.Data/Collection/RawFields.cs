using System.Text.Json;
using AlpacaCot.Data.Formats;
using AlpacaCot.Text;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Collection;

/// <summary>
/// The fields of one raw record. It remembers which ones a converter asked for: the others become metadata of the conversation,
/// so that nothing of a set is lost.
/// </summary>
internal sealed class RawFields(RawRecord record, ConvertOptions options)
{
    private readonly HashSet<string> _used = [];

    /// <summary>The record.</summary>
    public RawRecord Record => record;

    /// <summary>What to do on the way.</summary>
    public ConvertOptions Options => options;

    /// <summary>Whether the record has a field, be it null.</summary>
    public bool Has(string name) => record.Value.ValueKind == JsonValueKind.Object && record.Value.TryGetProperty(name, out _);

    /// <summary>A field, which counts as used; undefined where there is none.</summary>
    public JsonElement Element(string name)
    {
        if (record.Value.ValueKind != JsonValueKind.Object) throw Bad($"it is {JsonText.Kind(record.Value)}, expected an object");
        return record.Value.TryGetProperty(name, out var value) && _used.Add(name) | true ? value : default;
    }

    /// <summary>The text of the first of some fields that the record has.</summary>
    /// <exception cref="InputException">It has none of them, or it is not a text.</exception>
    public string Text(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (Element(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value)
                return AsText(value, name);
        throw Bad($"it has no \"{string.Join("\" or \"", names.ToArray())}\"; " + FieldNames());
    }

    /// <summary>The text of a field; empty where there is none or it is null.</summary>
    public string TextOrEmpty(string name) =>
        Element(name) is { ValueKind: not (JsonValueKind.Undefined or JsonValueKind.Null) } value ? AsText(value, name) : "";

    /// <summary>The items of a field that must be a list; none where there is no such field.</summary>
    public IEnumerable<JsonElement> Items(string name) => Element(name) switch
    {
        { ValueKind: JsonValueKind.Undefined or JsonValueKind.Null } => [],
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray(),
        var other => throw Bad($"its \"{name}\" is {JsonText.Kind(other)}, expected a list"),
    };

    /// <summary>A value that must be a text; numbers are taken as they are written.</summary>
    public string AsText(JsonElement value, string name) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        _ => throw Bad($"its \"{name}\" is {JsonText.Kind(value)}, expected a string"),
    };

    /// <summary>The conversation of some turns, with every field nobody asked for as metadata.</summary>
    public Conversation Conversation(params IReadOnlyList<Turn> turns) =>
        new(turns) { Origin = record.Origin, Metadata = Rest() };

    /// <summary>An instruction with its answer, with every field nobody asked for as metadata.</summary>
    public Conversation Instruction(string instruction, string input, string output) =>
        Conversation(new Turn(Role.User, instruction, input), new Turn(Role.Assistant, output));

    /// <summary>What is wrong with the record, for a person.</summary>
    public InputException Bad(string what) => new($"{record.Origin}: {what.TrimEnd('.')}.");

    /// <summary>The names of the first fields, to end a message with.</summary>
    public string FieldNames()
    {
        var names = record.Value.EnumerateObject().Select(field => field.Name).ToList();
        return names.Count == 0 ? "it is empty"
            : "it has " + string.Join(", ", names.Take(8)) + (names.Count > 8 ? ", ..." : "");
    }

    private OrderedDictionary<string, JsonElement> Rest()
    {
        var rest = new OrderedDictionary<string, JsonElement>();
        foreach (var field in record.Value.EnumerateObject())
            if (!_used.Contains(field.Name)) rest[field.Name] = field.Value;
        return rest;
    }
}
