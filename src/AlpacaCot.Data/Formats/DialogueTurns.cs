using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>
/// Reads and writes single turns of ShareGPT (<c>from</c>, <c>value</c>) and OpenAI (<c>role</c>, <c>content</c>).
/// An instruction's input is appended to its text after a line feed, for other readers, and repeated as <c>input</c>, for
/// this one.
/// </summary>
internal static class DialogueTurns
{
    /// <summary>ShareGPT's role for a turn with the text of a tool call; OpenAI uses <c>tool_calls</c>.</summary>
    private const string FunctionCall = "function_call";

    private static readonly Dictionary<string, Role> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["system"] = Role.System, ["developer"] = Role.System,
        ["human"] = Role.User, ["user"] = Role.User, ["prompter"] = Role.User,
        ["gpt"] = Role.Assistant, ["assistant"] = Role.Assistant, ["chatgpt"] = Role.Assistant, ["model"] = Role.Assistant,
        ["bot"] = Role.Assistant, ["bard"] = Role.Assistant, ["bing"] = Role.Assistant, [FunctionCall] = Role.Assistant,
        ["tool"] = Role.Tool, ["observation"] = Role.Tool, ["function"] = Role.Tool, ["function_response"] = Role.Tool,
    };

    /// <summary>Field names with a meaning in a turn.</summary>
    private static readonly HashSet<string> Reserved =
        ["from", "value", "role", "content", "input", "human", "assistant", FlatRecord.OtherFields];

    /// <summary>Appends a turn to a list (for <c>{human, assistant}</c>: two turns). Returns the problem, or null.</summary>
    public static string? Read(JsonElement item, List<Turn> turns)
    {
        if (item.ValueKind != JsonValueKind.Object)
            return $"it is {JsonText.Kind(item)}, expected an object with a role and a text";
        var (roleKey, textKey) = item.TryGetProperty("from", out var label) ? ("from", "value") : ("role", "content");
        if (roleKey == "role" && !item.TryGetProperty("role", out label)) return ReadPair(item, turns);
        if (!item.TryGetProperty(textKey, out var content)
            && item.TryGetProperty(textKey == "value" ? "content" : "value", out content))
            textKey = textKey == "value" ? "content" : "value";
        if (label.ValueKind != JsonValueKind.String || !Roles.TryGetValue(label.GetString()!, out var role))
            return $"its \"{roleKey}\" is {label.GetRawText()}; allowed: {string.Join(", ", Roles.Keys)}";

        string text;
        JsonElement? kept = null;
        switch (content.ValueKind)
        {
            case JsonValueKind.String: text = content.GetString()!; break;
            case JsonValueKind.Null or JsonValueKind.Undefined when item.TryGetProperty("tool_calls", out _)
                || item.TryGetProperty("function_call", out _):
                text = "";
                break;
            case JsonValueKind.Array:   // OpenAI's content parts, which may include images
                text = string.Concat(content.EnumerateArray().Select(PartText));
                kept = content;
                break;
            case JsonValueKind.Undefined: return $"it has no \"{textKey}\"";
            default: return $"its \"{textKey}\" is {JsonText.Kind(content)}, expected a string";
        }
        if (role == Role.Assistant && text.Length == 0 && CallText(item) is { } call)
        {
            turns.Add(new Turn(role, call) { Metadata = Fields(item, [roleKey, textKey, "tool_calls"], FunctionCall) });
            return null;
        }
        var input = item.TryGetProperty("input", out var given) && given.ValueKind == JsonValueKind.String
            && given.GetString() is { Length: > 0 } appended && text.EndsWith("\n" + appended, StringComparison.Ordinal)
                ? appended : "";
        if (input.Length > 0) text = text[..^(input.Length + 1)];
        string[] used = input.Length > 0 ? [roleKey, textKey, "input"] : [roleKey, textKey];
        var metadata = Fields(item, used, label.ValueEquals(FunctionCall) ? FunctionCall : null, kept);
        turns.Add(metadata.Count == 0 ? new Turn(role, text, input) : new Turn(role, text, input) { Metadata = metadata });
        return null;
    }

    private static string? ReadPair(JsonElement item, List<Turn> turns)
    {
        if (!item.TryGetProperty("human", out var human) || !item.TryGetProperty("assistant", out var assistant)
            || human.ValueKind != JsonValueKind.String || assistant.ValueKind != JsonValueKind.String)
            return "it has neither \"from\" nor \"role\"; it has "
                + $"{string.Join(", ", item.EnumerateObject().Select(f => f.Name).Take(8))}";
        turns.Add(new Turn(Role.User, human.GetString()!) { Metadata = Fields(item, ["human", "assistant"]) });
        turns.Add(new Turn(Role.Assistant, assistant.GetString()!));
        return null;
    }

    private static string PartText(JsonElement part) =>
        part.ValueKind == JsonValueKind.String ? part.GetString()!
        : part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text)
            && text.ValueKind == JsonValueKind.String
            ? text.GetString()! : "";

    /// <summary>The unused fields of an object, in order.</summary>
    public static OrderedDictionary<string, JsonElement> Fields(JsonElement item, ReadOnlySpan<string> used, string? from = null,
        JsonElement? content = null)
    {
        var fields = new OrderedDictionary<string, JsonElement>();
        if (from is not null) fields["from"] = JsonSerializer.SerializeToElement(from);
        if (content is { } parts) fields["content"] = parts;
        foreach (var field in item.EnumerateObject())
        {
            if (used.Contains(field.Name)) continue;
            if (field.Name == FlatRecord.OtherFields && field.Value.ValueKind == JsonValueKind.Object)
                foreach (var hidden in field.Value.EnumerateObject()) fields[hidden.Name] = hidden.Value;
            else fields[field.Name] = field.Value;
        }
        return fields;
    }

    /// <summary>Writes a turn with the names of OpenAI (<paramref name="openAi"/>) or ShareGPT.</summary>
    public static void Write(Utf8JsonWriter json, Turn turn, bool openAi)
    {
        var isCall = IsFunctionCall(turn);
        JsonElement? parts = turn.Metadata.TryGetValue("content", out var list) ? list : null;
        json.WriteStartObject();
        var role = turn.Role switch
        {
            Role.System => "system",
            Role.User => openAi ? "user" : "human",
            Role.Tool => openAi ? "tool" : "observation",
            _ => openAi ? "assistant" : isCall ? FunctionCall : "gpt",
        };
        json.WriteString(openAi ? "role" : "from", role);
        var textKey = openAi ? "content" : "value";
        var asCall = openAi && isCall && WriteCall(json, turn);
        if (!asCall)
        {
            if (parts is { } kept && openAi)
            {
                json.WritePropertyName("content");
                kept.WriteTo(json);
            }
            else json.WriteString(textKey, turn.Input.Length > 0 ? $"{turn.Text}\n{turn.Input}" : turn.Text);
            if (turn.Input.Length > 0) json.WriteString("input", turn.Input);
        }
        RecordWriter.WriteFields(json, turn.Metadata.Where(field =>
            !(field.Key == "content" && openAi) && !(field.Key == "from" && isCall && (asCall || !openAi))), Reserved);
        json.WriteEndObject();
    }

    private static bool IsFunctionCall(Turn turn) =>
        turn.Role == Role.Assistant && turn.Metadata.TryGetValue("from", out var from) && from.ValueKind == JsonValueKind.String
            && from.ValueEquals(FunctionCall);

    /// <summary>
    /// Writes the text of a tool call as OpenAI's <c>tool_calls</c> if it reads back unchanged. The call's id is left out, since
    /// the text has none.
    /// </summary>
    private static bool WriteCall(Utf8JsonWriter json, Turn turn)
    {
        if (turn.Input.Length > 0 || !turn.Text.StartsWith("{\"name\": \"", StringComparison.Ordinal)) return false;
        try
        {
            using var call = JsonDocument.Parse(turn.Text);
            if (!call.RootElement.TryGetProperty("name", out var name)
                || !call.RootElement.TryGetProperty("arguments", out var arguments)
                || name.ValueKind != JsonValueKind.String
                || CallText(name.GetRawText(), arguments.GetRawText()) != turn.Text
                || JsonSerializer.Serialize(name.GetString(), RecordWriter.Relaxed) != name.GetRawText()
                || arguments.ValueKind == JsonValueKind.String)
                return false;
            json.WriteNull("content");
            json.WriteStartArray("tool_calls");
            json.WriteStartObject();
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", name.GetString());
            json.WriteString("arguments", arguments.GetRawText());
            json.WriteEndObject();
            json.WriteEndObject();
            json.WriteEndArray();
            return true;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string CallText(string name, string arguments) => $"{{\"name\": {name}, \"arguments\": {arguments}}}";

    /// <summary>The text of a single tool call without an id: <c>{"name": ..., "arguments": ...}</c>.</summary>
    private static string? CallText(JsonElement item)
    {
        if (!item.TryGetProperty("tool_calls", out var calls) || calls.ValueKind != JsonValueKind.Array
            || calls.GetArrayLength() != 1)
            return null;
        var call = calls[0];
        return call.ValueKind == JsonValueKind.Object && call.EnumerateObject().Count() == 2
            && call.TryGetProperty("type", out _) && call.TryGetProperty("function", out var function)
            && function.ValueKind == JsonValueKind.Object && function.EnumerateObject().Count() == 2
            && function.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
            && function.TryGetProperty("arguments", out var arguments) && arguments.ValueKind == JsonValueKind.String
            ? CallText(JsonSerializer.Serialize(name.GetString(), RecordWriter.Relaxed), arguments.GetString()!) : null;
    }
}
