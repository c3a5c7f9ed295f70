using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The fields of one <c>adapter_config.json</c>, each asked for once by the method they belong to; what nobody asked for is left,
/// and kept for rewriting.
/// </summary>
public sealed class PeftFields
{
    private static readonly JsonWriterOptions Layout = new() { Indented = true, NewLine = "\n" };

    private readonly string _path;
    private readonly Dictionary<string, JsonElement> _left;

    private PeftFields(string path, JsonElement root) =>
        (this._path, _left) = (path, root.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone()));

    /// <summary>Reads the text of a configuration.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">The file's name for messages.</param>
    /// <exception cref="InputException">Not JSON, or not an object.</exception>
    public static PeftFields Parse(string json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InputException($"{path}: not a JSON object.");
            return new PeftFields(path, document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // the latter: half a surrogate pair
        {
            throw new InputException($"{path}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Fields with no meaning here, as they were read.</summary>
    public IReadOnlyDictionary<string, JsonElement> Left => _left;

    /// <summary>Fields as the text of a configuration: keys sorted, as PEFT writes it.</summary>
    public static string Write(SortedDictionary<string, JsonNode?> fields)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Layout)) new JsonObject(fields).WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>A number; Python tells 16 from 16.0, and most are whole.</summary>
    public static JsonNode Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) < 1e15 ? (long)value : value;

    /// <summary>A list, null where it is empty.</summary>
    public static JsonArray? List<T>(IReadOnlyList<T> items) =>
        items.Count == 0 ? null : new JsonArray([.. items.Select(item => (JsonNode?)JsonValue.Create(item))]);

    /// <summary>A map in the order of its keys.</summary>
    public static JsonObject Map<T>(IReadOnlyDictionary<string, T> items, Func<T, JsonNode> value) =>
        new(items.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)value(p.Value))));

    /// <summary>Refuses a field that asks for a computation there is not here.</summary>
    /// <exception cref="InputException">One of the fields is set.</exception>
    public void Refuse(IReadOnlySet<string> names)
    {
        foreach (var (name, value) in _left)
            if (IsSet(value) && names.Contains(name))
                throw new InputException($"{_path}: {name} is {value.GetRawText()}; this kind of adapter is not supported. " +
                    "Merge the adapter into its base with the tool that made it, and use the merged model.");
    }

    /// <summary>Refuses switches <c>use_..</c> that are on and that nobody asked for.</summary>
    /// <exception cref="InputException">There is one.</exception>
    public void RefuseUnknownSwitches() => Refuse(_left.Keys
        .Where(k => k.StartsWith("use_", StringComparison.Ordinal) && _left[k].ValueKind == JsonValueKind.True).ToHashSet());

    /// <summary>An error about this file.</summary>
    public InputException Fault(string message) => new($"{_path}: {message}");

    /// <summary>A text.</summary>
    public string? Text(string name) => Take(name) is { } value ? TextOf(name, value) : null;

    /// <summary>One of a few words, the first by default.</summary>
    public string Choice(string name, params ReadOnlySpan<string> allowed)
    {
        var text = Text(name);
        if (text is null) return allowed[0];
        foreach (var word in allowed) if (word == text) return text;
        throw Fault($"{name} is \"{text}\"; allowed are {string.Join(", ", allowed.ToArray())}.");
    }

    /// <summary>True or false.</summary>
    public bool Flag(string name, bool otherwise = false) => Take(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(name, value, "true or false"),
    };

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public int? Whole(string name, int least) => Take(name) is { } value ? WholeOf(name, value, least) : null;

    /// <summary>A number in a range.</summary>
    public double? Real(string name, double least, double most) =>
        Take(name) is { } value ? RealOf(name, value, least, most) : null;

    /// <summary>A list of texts.</summary>
    public IReadOnlyList<string>? Texts(string name) => Take(name) is { } value ? TextsOf(name, value) : null;

    /// <summary>One text or a list of them.</summary>
    public IReadOnlyList<string> TextOrTexts(string name) => Take(name) is not { } value ? []
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!] : TextsOf(name, value);

    /// <summary>A pattern as one text, or a list of names.</summary>
    public (string? Pattern, IReadOnlyList<string> Names) PatternOrNames(string name) => Take(name) is not { } value ? (null, [])
        : value.ValueKind == JsonValueKind.String ? (value.GetString(), []) : (null, TextsOf(name, value));

    /// <summary>One number or a list of them, from 0.</summary>
    public IReadOnlyList<int>? WholeOrWholes(string name) => Take(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => WholeOf(name, item, 0))]
            : [WholeOf(name, value, 0)];

    /// <summary>A map from names to whole numbers from 1.</summary>
    public IReadOnlyDictionary<string, int> Wholes(string name) => Map(name, value => WholeOf(name, value, 1));

    /// <summary>A map from names to numbers from 0.</summary>
    public IReadOnlyDictionary<string, double> Reals(string name) => Map(name, value => RealOf(name, value, 0, double.MaxValue));

    /// <summary>A map from names to values of the method's own.</summary>
    public IReadOnlyDictionary<string, T> Map<T>(string name, Func<JsonElement, T> read) => Take(name) is not { } value
        ? new Dictionary<string, T>()
        : value.ValueKind == JsonValueKind.Object ? value.EnumerateObject().ToDictionary(p => p.Name, p => read(p.Value))
        : throw Wrong(name, value, "an object of names and numbers");

    /// <summary>A value as it stands; null where it is absent or null.</summary>
    public JsonElement? Take(string name) =>
        _left.Remove(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString() != "",
        _ => true,
    };

    private string[] TextsOf(string name, JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? [.. value.EnumerateArray().Select(item => TextOf(name, item))]
        : throw Wrong(name, value, "a list of names");

    private string TextOf(string name, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, value, "a text");

    private int WholeOf(string name, JsonElement value, int least) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= least
            ? number
            : throw Wrong(name, value, $"a whole number from {least} up");

    private double RealOf(string name, JsonElement value, double least, double most) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most
            ? number
            : throw Wrong(name, value, $"a number from {least} {(most == double.MaxValue ? "up" : $"to {most}")}");

    private InputException Wrong(string name, JsonElement value, string needed) =>
        Fault($"{name} is {value.GetRawText()}; {needed} is needed.");
}
