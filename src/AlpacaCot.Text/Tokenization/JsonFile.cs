using System.Text.Json;

namespace AlpacaCot.Text.Tokenization;

/// <summary>Access to JSON files whose members may be missing, null or of another type.</summary>
internal static class JsonFile
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, CommentHandling = JsonCommentHandling.Skip };

    /// <exception cref="InputException">The file is not valid JSON.</exception>
    public static JsonElement Read(string path) => Parse(path, File.ReadAllBytes(path));

    /// <inheritdoc cref="Read"/>
    public static JsonElement Parse(string path, ReadOnlyMemory<byte> file)
    {
        try
        {
            if (file.Span.StartsWith("\uFEFF"u8)) file = file[3..];
            JsonEncoding.Require(path, file.Span);
            // Not disposed: the element stays in use, and a copy would double the memory.
            return JsonDocument.Parse(file, Options).RootElement;
        }
        catch (JsonException e)
        {
            var line = e.LineNumber is { } number ? $", line {number + 1}" : "";
            throw new InputException($"{path}{line}: not valid JSON ({e.Message.Split(". ")[0]}).", e);
        }
    }

    /// <summary>The member with a name; undefined if missing.</summary>
    public static JsonElement Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) ? value : default;

    public static string? Text(this JsonElement element, string name) =>
        element.Member(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public static bool? Flag(this JsonElement element, string name) => element.Member(name).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    /// <summary>The elements of an array; empty if missing.</summary>
    public static IEnumerable<JsonElement> Elements(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : [];

    public static bool TryGetInt32Value(this JsonElement element, out int value)
    {
        value = 0;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out value);
    }

    /// <summary>A token stored as a string or as an object with <c>content</c>.</summary>
    public static string? TokenText(this JsonElement element, string name) =>
        element.Text(name) ?? element.Member(name).Text("content");
}
