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
    /// <summary>ShareGPT's role for a turn whose text is a tool call; OpenAI uses <c>tool_calls</c>.</summary>
    private const string FunctionCall = "function_call";

    private static readonly Dictionary<string, Role> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["system"] = Role.System, ["developer"] = Role.System,
        ["human"] = Role.User, ["user"] = Role.User, ["prompter"] = Role.User,
        ["gpt"] = Role.Assistant, ["assistant"] = Role.Assistant, ["chatgpt"] = Role.Assistant, ["model"] = Role.Assistant,
        ["bot"] = Role.Assistant, ["bard"] = Role.Assistant, ["bing"] = Role.Assistant, [FunctionCall] = Role.Assistant,
        ["tool_call"] = Role.Assistant,
        ["tool"] = Role.Tool, ["observation"] = Role.Tool, ["function"] = Role.Tool, ["function_response"] = Role.Tool,
        ["tool_response"] = Role.Tool, ["tool_result"] = Role.Tool, ["ipython"] = Role.Tool,
    };

    /// <summary>The names of a question and its answer in one object: XTuner's <c>input</c> and <c>output</c>, and
    /// others.</summary>
    private static readonly (string Question, string Answer)[] Pairs =
    [
        ("human", "assistant"), ("user", "assistant"), ("input", "output"), ("question", "answer"), ("prompt", "response"),
        ("instruction", "output"), ("query", "response"),
    ];

    /// <summary>Field names with a meaning in a turn.</summary>
    private static readonly HashSet<string> Reserved =
    [
        "from", "value", "role", "content", "input", "human", "assistant", "tool_calls", FunctionCall, "reasoning_content",
        "tool_call_id", FlatRecord.OtherFields,
    ];

    /// <summary>Appends a turn to a list (for a pair such as <c>{human, assistant}</c>: two turns). Returns the problem, or
    /// null.</summary>
    public static string? Read(JsonElement item, List<Turn> turns)
    {
        if (item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2
            && item.EnumerateArray().All(text => text.ValueKind == JsonValueKind.String))
        {
            turns.Add(new Turn(Role.User, item[0].GetString()!));
            turns.Add(new Turn(Role.Assistant, item[1].GetString()!));
            return null;
        }
        if (item.ValueKind != JsonValueKind.Object)
            return $"it is {JsonText.Kind(item)}, expected an object with a role and a text";
        var (roleKey, textKey) = item.TryGetProperty("from", out var label) ? ("from", "value") : ("role", "content");
        if (roleKey == "role" && !item.TryGetProperty("role", out label)) return ReadPair(item, turns);
        if (!item.TryGetProperty(textKey, out var content))
            foreach (var other in (string[])["content", "value", "text"])
                if (item.TryGetProperty(other, out content))
                {
                    textKey = other;
                    break;
                }
        if (label.ValueKind != JsonValueKind.String || !Roles.TryGetValue(label.GetString()!, out var role))
            return $"its \"{roleKey}\" is {label.GetRawText()}; allowed: {string.Join(", ", Roles.Keys)}";

        var isCall = role == Role.Assistant && label.GetString()!.ToLowerInvariant() is FunctionCall or "tool_call";
        var reading = new TurnContent(role);
        var callText = isCall && reading.AddCalls(content, textKey) is null && reading.Calls.Count > 0;
        if (!callText)
        {
            reading = new TurnContent(role);
            if (reading.AddContent(content, textKey) is { } wrong) return wrong;
        }
        var text = reading.Text;
        var input = item.TryGetProperty("input", out var given) && given.ValueKind == JsonValueKind.String
            && given.GetString() is { Length: > 0 } appended && text.EndsWith("\n" + appended, StringComparison.Ordinal)
                ? appended : "";
        if (input.Length > 0) text = text[..^(input.Length + 1)];
        string[] used = input.Length > 0 ? [roleKey, textKey, "input"] : [roleKey, textKey];
        var metadata = new OrderedDictionary<string, JsonElement>();
        // A call in another syntax than JSON stays the text that it is.
        if (isCall && !callText) metadata["from"] = JsonSerializer.SerializeToElement(FunctionCall);
        if (reading.AddFields(item, used, metadata) is { } bad) return bad;
        if (reading.IsMissing && reading.Calls.Count == 0 && reading.Reasoning.Length == 0)
            return content.ValueKind == JsonValueKind.Undefined ? $"it has no \"{textKey}\""
                : $"its \"{textKey}\" is null, expected a string";

        turns.AddRange(reading.Results);
        var isOnlyResults = reading.Results.Count > 0 && text.Length == 0 && reading.Media.Count == 0;
        // Consecutive turns that are calls and nothing else are the calls of one turn.
        if (callText && turns.Count > 0 && turns[^1] is { Role: Role.Assistant, Text: "", Calls.Count: > 0 } before
            && metadata.Count == 0 && reading.Learn == before.Learn)
            turns[^1] = before with { Calls = [.. before.Calls, .. reading.Calls] };
        else if (!isOnlyResults) turns.Add(reading.Turn(text, input, metadata));
        return null;
    }

    /// <summary>Adds to a turn what the fields of an object say, as written beside a flat record's texts.</summary>
    public static Turn WithFields(Turn turn, JsonElement item)
    {
        var reading = new TurnContent(turn.Role);
        var metadata = new OrderedDictionary<string, JsonElement>();
        if (item.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.Array)
            reading.AddContent(content, "content");
        return reading.AddFields(item, ["content"], metadata) is null ? reading.Turn(turn.Text, turn.Input, metadata)
            : turn with { Metadata = Fields(item, []) };
    }

    /// <summary>Moves tool definitions (<c>tools</c> or <c>functions</c>, as a list or its JSON text) from the fields of the
    /// record
    /// to <see cref="Conversation.Tools"/>.</summary>
    public static Conversation WithTools(Conversation conversation)
    {
        foreach (var name in (string[])["tools", "functions"])
        {
            if (!conversation.Metadata.TryGetValue(name, out var value)) continue;
            var list = FlatRecord.Decoded(value);
            var isNone = list.ValueKind == JsonValueKind.Null || (list.ValueKind == JsonValueKind.String && list.ValueEquals(""));
            if (!isNone && (list.ValueKind != JsonValueKind.Array || !list.EnumerateArray().All(IsTool))) continue;
            if (!isNone && list.GetArrayLength() > 0 && conversation.Tools.Count > 0) continue;
            var others = new OrderedDictionary<string, JsonElement>();
            foreach (var field in conversation.Metadata)
                if (field.Key != name) others[field.Key] = field.Value;
            conversation = conversation with { Metadata = others };
            if (!isNone && list.GetArrayLength() > 0)
                conversation = conversation with { Tools = [.. list.EnumerateArray().Select(Wrapped)] };
        }
        return conversation;

        static bool IsTool(JsonElement tool) => tool.ValueKind == JsonValueKind.Object && Inner(tool) is var inner
            && inner.ValueKind == JsonValueKind.Object && inner.TryGetProperty("name", out var named)
            && named.ValueKind == JsonValueKind.String;

        static JsonElement Inner(JsonElement tool) => tool.TryGetProperty("function", out var function) ? function : tool;

        static JsonElement Wrapped(JsonElement tool) => tool.TryGetProperty("function", out _) ? tool
            : JsonElement.Parse($"{{\"type\": \"function\", \"function\": {tool.GetRawText()}}}");
    }

    private static string? ReadPair(JsonElement item, List<Turn> turns)
    {
        foreach (var (questionKey, answerKey) in Pairs)
        {
            if (!item.TryGetProperty(questionKey, out var question) || !item.TryGetProperty(answerKey, out var answer)) continue;
            if (question.ValueKind != JsonValueKind.String || answer.ValueKind != JsonValueKind.String) continue;
            string[] used = [questionKey, answerKey];
            var hasSystem = item.TryGetProperty("system", out var system) && system.ValueKind is JsonValueKind.String
                or JsonValueKind.Null;
            if (hasSystem && system.ValueKind == JsonValueKind.String && system.GetString() is { Length: > 0 } rule)
                turns.Add(new Turn(Role.System, rule));
            var others = Fields(item, hasSystem ? [questionKey, answerKey, "system"] : used);
            // XTuner's plain text is an answer to nothing.
            if (questionKey == "input" && question.GetString()!.Length == 0)
            {
                turns.Add(new Turn(Role.Assistant, answer.GetString()!) { Metadata = others });
                return null;
            }
            turns.Add(new Turn(Role.User, question.GetString()!) { Metadata = others });
            turns.Add(new Turn(Role.Assistant, answer.GetString()!));
            return null;
        }
        return "it has neither \"from\" nor \"role\" nor the names of a question and an answer; it has "
            + $"{string.Join(", ", item.EnumerateObject().Select(f => f.Name).Take(8))}";
    }

    /// <summary>The unused fields of an object, in order.</summary>
    public static OrderedDictionary<string, JsonElement> Fields(JsonElement item, ReadOnlySpan<string> used)
    {
        var fields = new OrderedDictionary<string, JsonElement>();
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
        var isForeignCall = turn.Role == Role.Assistant && turn.Calls.Count == 0
            && turn.Metadata.TryGetValue("from", out var from) && from.ValueKind == JsonValueKind.String
            && from.ValueEquals(FunctionCall);
        var isCall = !openAi && turn is { Role: Role.Assistant, Calls.Count: > 0, Text: "", Reasoning: "", Media.Count: 0 };
        json.WriteStartObject();
        var role = turn.Role switch
        {
            Role.System => "system",
            Role.User => openAi ? "user" : "human",
            Role.Tool => openAi ? "tool" : "observation",
            _ => openAi ? "assistant" : isForeignCall || isCall ? FunctionCall : "gpt",
        };
        json.WriteString(openAi ? "role" : "from", role);
        var textKey = openAi ? "content" : "value";
        if (isCall) json.WriteString(textKey, CallText(turn.Calls));
        else if (turn.Media.Count > 0) WriteParts(json, textKey, turn);
        else if (openAi && turn is { Calls.Count: > 0, Text: "", Input: "" }) json.WriteNull(textKey);
        else json.WriteString(textKey, WholeText(turn));
        if (turn.Input.Length > 0) json.WriteString("input", turn.Input);
        WriteFields(json, turn, turn.Metadata.Where(field => !(field.Key == "from" && isForeignCall && !openAi)),
            withCalls: !isCall);
        json.WriteEndObject();
    }

    /// <summary>Writes what a turn holds beside its text; <see cref="WithFields"/> reads it.</summary>
    public static void WriteFieldsOnly(Utf8JsonWriter json, Turn turn)
    {
        json.WriteStartObject();
        if (turn.Media.Count > 0) WriteParts(json, "content", turn with { Text = "", Input = "" });
        WriteFields(json, turn, turn.Metadata, withCalls: true);
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, Turn turn, IEnumerable<KeyValuePair<string, JsonElement>> metadata,
        bool withCalls)
    {
        if (turn.Reasoning.Length > 0) json.WriteString("reasoning_content", turn.Reasoning);
        if (withCalls && turn.Calls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (var call in turn.Calls) call.Write(json, asText: true);
            json.WriteEndArray();
        }
        if (turn.ToolName.Length > 0) json.WriteString("name", turn.ToolName);
        if (turn.ToolCallId.Length > 0) json.WriteString("tool_call_id", turn.ToolCallId);
        // OpenAI's weight concerns only the assistant.
        if (turn.Learn is { } learn && turn.Role == Role.Assistant) json.WriteNumber("weight", learn ? 1 : 0);
        else if (turn.Learn is { } other) json.WriteBoolean("train", other);
        RecordWriter.WriteFields(json, metadata, Reserved);
    }

    private static void WriteParts(Utf8JsonWriter json, string name, Turn turn)
    {
        var text = WholeText(turn);
        json.WriteStartArray(name);
        var number = 1;
        foreach (var part in turn.Media)
        {
            while (part.Number > number) WriteText();   // parts keep their numbers, which messages name
            part.Content.WriteTo(json);
            number++;
        }
        if (text.Length > 0) WriteText();
        json.WriteEndArray();

        void WriteText()
        {
            json.WriteStartObject();
            json.WriteString("type", "text");
            json.WriteString("text", text);
            json.WriteEndObject();
            (text, number) = ("", number + 1);
        }
    }

    private static string WholeText(Turn turn) => turn.Input.Length > 0 ? $"{turn.Text}\n{turn.Input}" : turn.Text;

    /// <summary>The calls as JSON text: an object, or a list of several.</summary>
    private static string CallText(IReadOnlyList<ToolCall> calls)
    {
        var texts = calls.Select(call => $"{{\"name\": {Quoted(call.Name)}, \"arguments\": {call.Arguments.GetRawText()}"
            + (call.Id.Length > 0 ? $", \"id\": {Quoted(call.Id)}}}" : "}"));
        return calls.Count == 1 ? texts.Single() : $"[{string.Join(", ", texts)}]";

        static string Quoted(string text) => JsonSerializer.Serialize(text, RecordWriter.Relaxed);
    }
}
