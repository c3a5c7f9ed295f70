using System.Text;
using System.Text.Json;
using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Data.Tests.Formats;

/// <summary>Everything a conversation holds but its origin, as text, to compare two of them.</summary>
internal static class Said
{
    public static string By(Conversation conversation)
    {
        var text = new StringBuilder();
        foreach (var turn in conversation.Turns)
            text.Append(By(turn)).Append('\n');
        var rejected = conversation.Rejected is { } lost ? string.Join(" / ", lost.Turns.Select(By)) + $" for {lost.Replaces}"
            : "";
        return text.Append($"rejected: {rejected} | {Fields(conversation.Metadata)} | "
            + string.Join(", ", conversation.Tools.Select(Value))).ToString();
    }

    /// <summary>Everything a turn holds.</summary>
    public static string By(Turn turn) => $"{turn.Role}: {turn.Text} | {turn.Input} | {turn.Reasoning} | "
        + string.Join(", ", turn.Calls.Select(call => $"{call.Name}({Value(call.Arguments)})#{call.Id}"))
        + $" | {string.Join(", ", turn.Media.Select(part => $"{part.Number} {part.Kind} {Value(part.Content)}"))}"
        + $" | {turn.ToolName} {turn.ToolCallId} | {turn.Learn} | {Fields(turn.Metadata)}";

    public static List<string> By(IEnumerable<Conversation> conversations) => [.. conversations.Select(By)];

    // The order of fields is kept by JSON; nested groups of a table have one order for all rows.
    private static string Fields(IEnumerable<KeyValuePair<string, JsonElement>> fields) =>
        string.Join(", ", fields.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={Value(f.Value)}"));

    private static string Value(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + Fields(value.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value))) + "}",
        JsonValueKind.Array => "[" + string.Join(", ", value.EnumerateArray().Select(Value)) + "]",
        JsonValueKind.String => "\"" + value.GetString() + "\"",
        _ => value.GetRawText(),
    };
}
