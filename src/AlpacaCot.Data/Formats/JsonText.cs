using System.Text.Json;
using System.Text.Unicode;

namespace AlpacaCot.Data.Formats;

/// <summary>What the scanner of JSON does not look at.</summary>
internal static class JsonText
{
    private static readonly JsonDocumentOptions NoDuplicates = new() { AllowDuplicateProperties = false };

    /// <summary>Why a well-formed JSON value cannot be trusted: bytes that are no text, a key given twice; null where it can.</summary>
    public static string? Problem(ReadOnlySpan<byte> json)
    {
        if (!Utf8.IsValid(json)) return "it holds bytes that are not UTF-8";
        try
        {
            if (json.IndexOf("\\u"u8) >= 0) ReadEscapes(json);
            JsonElement.Parse(json, NoDuplicates);
            return null;
        }
        catch (InvalidOperationException)   // what the reader says to an unpaired surrogate
        {
            return "it holds half a character: a \\uD800 to \\uDFFF escape without its partner";
        }
        catch (JsonException twice)
        {
            return JsonRecords.WithoutPosition(twice.Message);
        }
    }

    private static void ReadEscapes(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) reader.GetString();
    }
}
