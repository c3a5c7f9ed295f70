using System.Text.Json;
using System.Text.Unicode;
using AlpacaCot.Text;

namespace AlpacaCot.Data.Formats;

/// <summary>Parses one well-formed JSON value, with the checks that the record scanner does not make.</summary>
internal static class JsonText
{
    private static readonly JsonDocumentOptions NoDuplicates = new() { AllowDuplicateProperties = false };

    /// <summary>Parses a value. Returns the problem, such as invalid UTF-8 or a duplicate key, or null.</summary>
    public static string? Read(ReadOnlySpan<byte> json, out JsonElement value)
    {
        value = default;
        if (!Utf8.IsValid(json)) return "it contains invalid UTF-8";
        try
        {
            CheckEscapes(json);
            value = JsonElement.Parse(json, NoDuplicates);
            return null;
        }
        catch (InvalidOperationException)   // thrown by the reader for an unpaired surrogate
        {
            return HalfCharacter;
        }
        catch (JsonException twice)
        {
            return JsonMessages.WithoutPosition(twice);
        }
    }

    public const string HalfCharacter = "it contains an unpaired surrogate: a \\uD800 to \\uDFFF escape without its partner";

    /// <summary>Checks the escapes for unpaired surrogates.</summary>
    /// <exception cref="InvalidOperationException">There is an unpaired surrogate.</exception>
    public static void CheckEscapes(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0) return;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                reader.GetString();
    }

    /// <summary>Describes the type of a value for messages.</summary>
    public static string Kind(JsonTokenType type) => type switch
    {
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        JsonTokenType.StartArray => "a list",
        _ => "an object",
    };

    /// <summary>Describes the type of a value for messages.</summary>
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
