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

    /// <summary>Writes the call as an element of OpenAI's <c>tool_calls</c>.</summary>
    /// <param name="json">The writer, inside the list.</param>
    /// <param name="asText">Whether the arguments are JSON text, as OpenAI has them, or a value, as transformers passes
    /// them.</param>
    public void Write(Utf8JsonWriter json, bool asText)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        if (Id.Length > 0) json.WriteString("id", Id);
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", Name);
        json.WritePropertyName("arguments");
        if (asText) json.WriteStringValue(ArgumentText);
        else Arguments.WriteTo(json);
        json.WriteEndObject();
        json.WriteEndObject();
    }

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
