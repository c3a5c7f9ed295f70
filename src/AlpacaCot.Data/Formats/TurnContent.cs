using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Formats;

/// <summary>Collects the content of one turn: its parts, and the fields that belong to it.</summary>
internal sealed class TurnContent(Role role)
{
    private static readonly string[] ReasoningFields = ["reasoning_content", "reasoning", "thinking"];

    private readonly List<string> _texts = [];
    private readonly List<string> _reasoning = [];
    private string _toolName = "", _toolCallId = "";

    /// <summary>The text parts, one on each line.</summary>
    public string Text => string.Join('\n', _texts);

    /// <summary>The reasoning; empty for none.</summary>
    public string Reasoning => string.Join('\n', _reasoning);

    public List<ToolCall> Calls { get; } = [];

    public List<MediaPart> Media { get; } = [];

    /// <summary>Results of tools that are parts of this turn; they become turns before it.</summary>
    public List<Turn> Results { get; } = [];

    public bool? Learn { get; private set; }

    /// <summary>Whether the content is absent or null.</summary>
    public bool IsMissing { get; private set; }

    /// <summary>The finished turn.</summary>
    public Turn Turn(string text, string input, OrderedDictionary<string, JsonElement> metadata)
    {
        var turn = new Turn(role, text, input);
        if (metadata.Count > 0) turn = turn with { Metadata = metadata };
        if (Calls.Count + Media.Count + _reasoning.Count + _toolName.Length + _toolCallId.Length == 0 && Learn is null)
            return turn;
        return turn with
        {
            Reasoning = Reasoning, Calls = Calls, Media = Media, ToolName = _toolName, ToolCallId = _toolCallId, Learn = Learn,
        };
    }

    /// <summary>Adds the content of a message: a text, or a list of parts. Returns the problem, or null.</summary>
    public string? AddContent(JsonElement content, string name)
    {
        switch (content.ValueKind)
        {
            case JsonValueKind.String:
                _texts.Add(content.GetString()!);
                return null;
            case JsonValueKind.Null or JsonValueKind.Undefined:
                IsMissing = true;
                return null;
            case JsonValueKind.Array when role != Role.Tool || content.EnumerateArray().All(IsPart):
                foreach (var (i, part) in content.EnumerateArray().Index())
                    if (AddPart(part, i + 1) is { } problem) return $"\"{name}\", part {i + 1}: {problem}";
                return null;
            case JsonValueKind.Object when IsPart(content):
                return AddPart(content, 1) is { } wrong ? $"\"{name}\": {wrong}" : null;
            case var _ when role == Role.Tool:   // the result itself, not its text
                _texts.Add(content.GetRawText());
                return null;
            default:
                return $"its \"{name}\" is {JsonText.Kind(content)}, expected a string";
        }
    }

    /// <summary>Adds tool calls: a list, one call, or the JSON text of either. Returns the problem, or null.</summary>
    public string? AddCalls(JsonElement calls, string name)
    {
        calls = FlatRecord.Decoded(calls);
        if (calls.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined) return null;
        if (calls.ValueKind == JsonValueKind.Object) return AddCall(calls) ? null : $"its \"{name}\" has no function name";
        if (calls.ValueKind != JsonValueKind.Array) return $"its \"{name}\" is {JsonText.Kind(calls)}, expected a list of tool "
            + "calls";
        foreach (var (i, call) in calls.EnumerateArray().Index())
            if (!AddCall(call)) return $"its \"{name}\", call {i + 1}, has no function name";
        return null;
    }

    /// <summary>Adds what the fields of a message say; the others become metadata. Returns the problem, or null.</summary>
    public string? AddFields(JsonElement item, ReadOnlySpan<string> used, OrderedDictionary<string, JsonElement> metadata)
    {
        foreach (var (name, value) in DialogueTurns.Fields(item, used))
        {
            switch (name)
            {
                case "tool_calls":
                case "function_call" when value.ValueKind is JsonValueKind.Object or JsonValueKind.Null:
                    if (AddCalls(value, name) is { } problem) return problem;
                    continue;
                case var _ when ReasoningFields.Contains(name)
                    && value.ValueKind is JsonValueKind.String or JsonValueKind.Null:
                    var text = value.GetString() ?? "";
                    if (text.Length > 0 && !_reasoning.Contains(text)) _reasoning.Add(text);
                    continue;
                case "name" or "tool_name" when role == Role.Tool && value.ValueKind == JsonValueKind.String
                    && _toolName.Length == 0:
                    _toolName = value.GetString()!;
                    continue;
                case "tool_call_id" when role == Role.Tool && value.ValueKind == JsonValueKind.String:
                    _toolCallId = value.GetString()!;
                    continue;
                case "name" or "tool_call_id" when role == Role.Tool && value.ValueKind == JsonValueKind.Null:
                    continue;
            }
            if (!LearningMarks.TryRead(name, value, role, out var learn) || (learn is not null && Learn is not null
                && Learn != learn))
                metadata[name] = value;   // training refuses marks that are not understood or contradict each other
            else Learn ??= learn;
        }
        return null;
    }

    private string? AddPart(JsonElement part, int number)
    {
        if (part.ValueKind == JsonValueKind.String)
        {
            AddText(part.GetString()!);
            return null;
        }
        if (part.ValueKind == JsonValueKind.Null) return null;
        if (part.ValueKind != JsonValueKind.Object) return $"it is {JsonText.Kind(part)}, expected an object with a type";
        var type = String(part, "type") ?? "";
        switch (type)
        {
            case "text" or "input_text" or "output_text":
            case "" when String(part, "text", "value") is not null:
                if (String(part, "text", "value", "content") is not { } text) return "it has no text";
                AddText(text);
                return null;
            case "refusal":
                AddText(String(part, "refusal", "text", "value") ?? "");
                return null;
            case "thinking" or "reasoning":
                if (String(part, "thinking", "reasoning", "text", "value") is { Length: > 0 } thought) _reasoning.Add(thought);
                return null;
            case "tool_use" or "tool_call" or "function_call":
                return AddCalls(part.TryGetProperty("value", out var call) ? call : part, type);
            case "tool_result":
                var result = new TurnContent(Role.Tool);
                if (part.TryGetProperty("content", out var content) && result.AddContent(content, "content") is { } problem)
                    return problem;
                Results.Add(new Turn(Role.Tool, result.Text) { ToolCallId = String(part, "tool_use_id", "tool_call_id") ?? "" });
                return null;
            default:
                Media.Add(new MediaPart(KindOf(part, type), number, part));
                return null;
        }
    }

    // An empty part is no line.
    private void AddText(string text)
    {
        if (text.Length > 0) _texts.Add(text);
    }

    // OpenAI's call, Anthropic's, and the plain {"name", "arguments"} of ShareGPT.
    private bool AddCall(JsonElement call)
    {
        if (call.ValueKind != JsonValueKind.Object) return false;
        var function = call.TryGetProperty("function", out var inner) && inner.ValueKind == JsonValueKind.Object ? inner : call;
        if (String(function, "name") is not { Length: > 0 } name) return false;
        var arguments = function.TryGetProperty("arguments", out var given) || function.TryGetProperty("parameters", out given)
            || function.TryGetProperty("input", out given) ? given : default;
        Calls.Add(new ToolCall(name, arguments.ValueKind switch
        {
            JsonValueKind.String => ToolCall.ParseArguments(arguments.GetString()!),
            JsonValueKind.Null or JsonValueKind.Undefined => ToolCall.ParseArguments(""),
            _ => arguments,
        }, String(call, "id") ?? ""));
        return true;
    }

    private static bool IsPart(JsonElement part) => part.ValueKind == JsonValueKind.String
        || (part.ValueKind == JsonValueKind.Object && (String(part, "type") ?? String(part, "text")) is not null);

    private static string KindOf(JsonElement part, string type)
    {
        foreach (var kind in (string[])["image", "audio", "video"])
            if (type.Contains(kind, StringComparison.Ordinal)
                || (type.Length == 0 && (part.TryGetProperty(kind, out _) || part.TryGetProperty($"{kind}_url", out _))))
                return kind;
        return type.Length > 0 ? type : "unknown";
    }

    private static string? String(JsonElement item, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String) return value.GetString();
        return null;
    }
}
