using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Reads one well-formed JSON value as an element, and looks at what the scanner of records does not look at.</summary>
internal static class JsonText
{
    private static readonly JsonDocumentOptions NoDuplicates = new() { AllowDuplicateProperties = false };

    /// <summary>Gives the element; or why it cannot be trusted: bytes that are no text, a key given twice.</summary>
    public static string? Read(ReadOnlySpan<byte> json, out JsonElement value)
    {
        value = default;
        if (!Utf8.IsValid(json)) return "it holds bytes that are not UTF-8";
        try
        {
            CheckEscapes(json);
            value = JsonElement.Parse(json, NoDuplicates);
            return null;
        }
        catch (InvalidOperationException)   // what the reader says to an unpaired surrogate
        {
            return HalfCharacter;
        }
        catch (JsonException twice)
        {
            return JsonMessages.WithoutPosition(twice);
        }
    }

    public const string HalfCharacter = "it holds half a character: a \\uD800 to \\uDFFF escape without its partner";

    /// <summary>Looks for half characters among the escapes.</summary>
    /// <exception cref="InvalidOperationException">There is one.</exception>
    public static void CheckEscapes(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0) return;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                reader.GetString();
    }

    /// <summary>What a value is, in words.</summary>
    public static string Kind(JsonTokenType type) => type switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        JsonTokenType.StartArray => "a list",
        _ => "an object",
    };

    /// <summary>What a value is, in words.</summary>
    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "true or false",
    };
}
