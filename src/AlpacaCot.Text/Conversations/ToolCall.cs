using System.Text.Json;

namespace AlpacaCot.Text.Conversations;

/// <summary>A call of a tool by the model.</summary>
/// <param name="Name">The name of the tool.</param>
/// <param name="Arguments">The arguments: a JSON object; a string where the record's arguments are not a JSON object.</param>
/// <param name="Id">The identifier that the result refers to; empty for none.</param>
public sealed record ToolCall(string Name, JsonElement Arguments, string Id = "")
{
    /// <summary>The arguments as JSON text; a string without its quotes.</summary>
    public string ArgumentText =>
        Arguments.ValueKind == JsonValueKind.String ? Arguments.GetString()! : Arguments.GetRawText();

    /// <summary>The arguments of a text: a JSON object, or the text itself as a JSON string.</summary>
    public static JsonElement ParseArguments(string text)
    {
        try
        {
            if (string.IsNullOrWhiteSpace(text)) return JsonElement.Parse("{}");
            var parsed = JsonElement.Parse(text);
            if (parsed.ValueKind == JsonValueKind.Object) return parsed;
        }
        catch (JsonException)
        {
            // The model wrote the text, so it is kept as it is.
        }
        return JsonElement.Parse($"\"{JsonEncodedText.Encode(text)}\"");
    }
}
