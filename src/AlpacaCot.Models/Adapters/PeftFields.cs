using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The fields of one <c>adapter_config.json</c>. Each field is read once, by the method it belongs to; unread fields are kept for
/// writing.
/// </summary>
public sealed class PeftFields
{
    private static readonly JsonWriterOptions Layout = new() { Indented = true, NewLine = "\n" };

    private readonly string _path;
    private readonly Dictionary<string, JsonElement> _left;

    private PeftFields(string path, JsonElement root) =>
        (this._path, _left) = (path, root.EnumerateObject().ToDictionary(p => p.Name, p => p.Value.Clone()));

    /// <summary>Parses the content of a configuration.</summary>
    /// <param name="json">The JSON text.</param>
    /// <param name="path">The file path, used in error messages.</param>
    /// <exception cref="InputException">Invalid JSON, duplicate keys, or not an object.</exception>
    public static PeftFields Parse(string json, string path)
    {
        JsonEncoding.Require(path, Encoding.UTF8.GetBytes(json));
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InputException($"{path}: not a JSON object.");
            return new PeftFields(path, document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // or an unpaired surrogate
        {
            throw new InputException($"{path}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>The fields that were not read, unchanged.</summary>
    public IReadOnlyDictionary<string, JsonElement> Left => _left;

    /// <summary>Serializes fields as a configuration, keys sorted as PEFT writes them.</summary>
    public static string Write(SortedDictionary<string, JsonNode?> fields)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Layout)) new JsonObject(fields).WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>A JSON number without a decimal point if the value is whole: Python distinguishes 16 from 16.0.</summary>
    public static JsonNode Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) < 1e15 ? (long)value : value;

    /// <summary>A JSON array; null if the list is empty.</summary>
    public static JsonArray? List<T>(IReadOnlyList<T> items) =>
        items.Count == 0 ? null : new JsonArray([.. items.Select(item => (JsonNode?)JsonValue.Create(item))]);

    /// <summary>A JSON object, sorted by key.</summary>
    public static JsonObject Map<T>(IReadOnlyDictionary<string, T> items, Func<T, JsonNode> value) =>
        new(items.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, (JsonNode?)value(p.Value))));

    /// <summary>Rejects fields that require an unsupported computation.</summary>
    /// <exception cref="InputException">One of the fields is set.</exception>
    public void Refuse(IReadOnlySet<string> names)
    {
        foreach (var (name, value) in _left)
            if (IsSet(value) && names.Contains(name))
                throw new InputException($"{_path}: {name} is {value.GetRawText()}; this kind of adapter is not supported. " +
                    "Merge the adapter into its base with the tool that created it, and use the merged model.");
    }

    // Fields of any method that do not change what a saved adapter computes: names and versions, initialization, dropout
    // and other
    // settings of training, settings of other programs.
    private static readonly HashSet<string> Harmless =
    [
        "auto_mapping", "revision", "peft_version", "base_model_class", "parent_library", "megatron_core", "megatron_config",
        "qalora_group_size", "init_lora_weights", "init_weights", "init_ia3_weights", "loftq_config", "eva_config",
        "corda_config",
        "lora_ga_config", "runtime_config", "rank_dropout", "module_dropout", "rank_dropout_scale", "eps", "prompt_tuning_init",
        "prompt_tuning_init_text", "tokenizer_name_or_path", "tokenizer_kwargs", "encoder_dropout", "encoder_hidden_size",
        "encoder_num_layers", "encoder_reparameterization_type", "num_transformer_submodules", "num_layers",
        "num_attention_heads",
        "token_dim", "lora_dtype", "lorap_lr_ratio", "unsloth_fixed", "lora_dropout", "use_gradient_checkpointing", "model_type",
        "torch_dtype", "r", "lora_alpha",
    ];

    /// <summary>Rejects unread fields that are set and may change the computation.</summary>
    /// <param name="method">The value of <c>peft_type</c>.</param>
    /// <exception cref="InputException">A field is set, and its meaning is not known.</exception>
    public void RefuseUnknown(string method)
    {
        foreach (var (name, value) in _left)
            if (IsSet(value) && !Harmless.Contains(name))
                throw Fault($"{name} is {Shown(value)}, a field that is not known for {method}; it may " +
                    "change what the adapter computes. " +
                    "Merge the adapter into its base with the tool that wrote it, or remove the field if it has no effect.");
    }

    private static string Shown(JsonElement value) =>
        value.GetRawText() is { Length: > 60 } text ? text[..57] + "..." : value.GetRawText();

    /// <summary>Creates an error whose message starts with the file path.</summary>
    public InputException Fault(string message) => new($"{_path}: {message}");

    /// <summary>Reads a string; null if absent.</summary>
    public string? Text(string name) => Take(name) is { } value ? TextOf(name, value) : null;

    /// <summary>Reads one of the allowed strings; the first if absent.</summary>
    public string Choice(string name, params ReadOnlySpan<string> allowed)
    {
        var text = Text(name);
        if (text is null) return allowed[0];
        foreach (var word in allowed) if (word == text) return text;
        throw Fault($"{name} is \"{text}\"; allowed are {string.Join(", ", allowed.ToArray())}.");
    }

    /// <summary>Reads a boolean.</summary>
    public bool Flag(string name, bool otherwise = false) => Take(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(name, value, "true or false"),
    };

    /// <summary>Reads a whole number of at least <paramref name="least"/>; null if absent.</summary>
    public int? Whole(string name, int least) => Take(name) is { } value ? WholeOf(name, value, least) : null;

    /// <summary>Reads a number from <paramref name="least"/> to <paramref name="most"/>; null if absent.</summary>
    public double? Real(string name, double least, double most) =>
        Take(name) is { } value ? RealOf(name, value, least, most) : null;

    /// <summary>Reads a list of strings; null if absent.</summary>
    public IReadOnlyList<string>? Texts(string name) => Take(name) is { } value ? TextsOf(name, value) : null;

    /// <summary>Reads one string or a list of strings; empty if absent.</summary>
    public IReadOnlyList<string> TextOrTexts(string name) => Take(name) is not { } value ? []
        : value.ValueKind == JsonValueKind.String ? [value.GetString()!] : TextsOf(name, value);

    /// <summary>Reads a regular expression (one string) or a list of names.</summary>
    public (string? Pattern, IReadOnlyList<string> Names) PatternOrNames(string name) => Take(name) is not { } value ? (null, [])
        : value.ValueKind == JsonValueKind.String ? (value.GetString(), []) : (null, TextsOf(name, value));

    /// <summary>Reads one whole number from 0 or a list of them; null if absent.</summary>
    public IReadOnlyList<int>? WholeOrWholes(string name) => Take(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => WholeOf(name, item, 0))]
            : [WholeOf(name, value, 0)];

    /// <summary>Reads an object of names and whole numbers from 1; empty if absent.</summary>
    public IReadOnlyDictionary<string, int> Wholes(string name) => Map(name, value => WholeOf(name, value, 1));

    /// <summary>Reads an object of names and numbers from 0; empty if absent.</summary>
    public IReadOnlyDictionary<string, double> Reals(string name) => Map(name, value => RealOf(name, value, 0, double.MaxValue));

    /// <summary>Reads an object of names and method-specific values; empty if absent.</summary>
    public IReadOnlyDictionary<string, T> Map<T>(string name, Func<JsonElement, T> read) => Take(name) is not { } value
        ? new Dictionary<string, T>()
        : value.ValueKind == JsonValueKind.Object ? value.EnumerateObject().ToDictionary(p => p.Name, p => read(p.Value))
        : throw Wrong(name, value, "an object of names and numbers");

    /// <summary>Reads a field's raw value; null if it is absent or null.</summary>
    public JsonElement? Take(string name) =>
        _left.Remove(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static bool IsSet(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.Array => value.GetArrayLength() > 0,
        JsonValueKind.Object => value.EnumerateObject().Any(),
        JsonValueKind.String => value.GetString() != "",
        JsonValueKind.Number => !value.TryGetDouble(out var number) || number != 0,
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
