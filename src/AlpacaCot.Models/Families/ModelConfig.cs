using System.Text.Json;
using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Families;

/// <summary>
/// Typed access to <c>config.json</c> with errors that name the key. It records which fields were read: an unknown field is
/// rejected, because it may change the computation.
/// </summary>
public sealed class ModelConfig(JsonElement json, string location = "config.json")
{
    private readonly HashSet<string> _read = [];
    private readonly Dictionary<string, ModelConfig> _sections = [];

    /// <summary>The value of <c>model_type</c>.</summary>
    public string? ModelType => json.TryGetProperty("model_type", out var value) ? value.GetString() : null;

    /// <summary>Whether the key is present with a value other than null; marks it as read.</summary>
    public bool Has(string key)
    {
        _read.Add(key);
        return json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null;
    }

    /// <summary>Returns <paramref name="key"/> if it is present, else the older name of the setting.</summary>
    public string Either(string key, string older) => Has(key) || !Has(older) ? key : older;

    /// <summary>Reads a whole number of at least <paramref name="least"/>; an error if it is absent without a default.</summary>
    public int Int(string key, int? otherwise = null, int least = 1) => Has(key)
        ? IsNumber(key) && Value(key).TryGetInt32(out var value) && value >= least
        ? value : throw Wrong(key, $"a whole number from {least}")
        : otherwise ?? throw new InputException($"{location} lacks '{key}'.");

    /// <summary>Reads a number.</summary>
    public double Number(string key, double otherwise) =>
        !Has(key) ? otherwise : IsNumber(key) ? Value(key).GetDouble() : throw Wrong(key, "a number");

    /// <summary>Reads a boolean.</summary>
    public bool Flag(string key, bool otherwise = false) => !Has(key) ? otherwise : Value(key).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(key, "true or false"),
    };

    /// <summary>Reads a string.</summary>
    public string Text(string key, string otherwise) =>
        !Has(key) ? otherwise
        : Value(key).ValueKind == JsonValueKind.String ? Value(key).GetString()! : throw Wrong(key, "a text");

    /// <summary>Reads a list; empty if absent.</summary>
    public IReadOnlyList<JsonElement> List(string key) => !Has(key) ? []
        : Value(key).ValueKind == JsonValueKind.Array ? [.. Value(key).EnumerateArray()] : throw Wrong(key, "a list");

    /// <summary>Reads a nested JSON object.</summary>
    public ModelConfig Section(string key)
    {
        if (!Has(key) || Value(key).ValueKind != JsonValueKind.Object) throw Wrong(key, "an object");
        if (!_sections.TryGetValue(key, out var section))
            _sections.Add(key, section = new ModelConfig(Value(key), $"{location}, {key}"));
        return section;
    }

    /// <summary>Rejects a setting with any value other than <paramref name="only"/>, the only one supported.</summary>
    public void Require(string key, string only)
    {
        if (Has(key) && Value(key).ToString() is var found && !string.Equals(found, only, StringComparison.OrdinalIgnoreCase))
            throw new InputException($"{location}: {key} is '{found}'; only '{only}' is supported for this model type.");
    }

    /// <summary>Reads the sizes under the names that most families use.</summary>
    public DecoderSizes Sizes()
    {
        var (hidden, heads) = (Int("hidden_size"), Int("num_attention_heads"));
        var groups = Int("num_key_value_heads", heads);
        var headDimension = Int("head_dim", heads > 0 ? hidden / heads : 0);
        if (heads < 1 || groups < 1 || headDimension < 1 || heads % groups != 0)
            throw new InputException($"{location}: {heads} heads, {groups} key heads and a width of {hidden} are inconsistent.");
        return new DecoderSizes(Int("vocab_size"), hidden, Int("intermediate_size"), Int("num_hidden_layers"), heads, groups,
            headDimension, Int("max_position_embeddings", 2048));
    }

    /// <summary>
    /// Reads rotary settings in the newer form (<c>rope_parameters</c>) or the older (<c>rope_theta</c> and <c>rope_scaling</c>).
    /// </summary>
    public RopeSettings Rope(double theta = 10000)
    {
        var section = Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        theta = Number("rope_theta", theta);
        Has("original_max_position_embeddings"); // used by some scalings only
        var share = Number("partial_rotary_factor", 1);
        return Has(section) ? Rope(Section(section), theta, share) : new RopeSettings(theta, new RopeScaling(), share);
    }

    /// <summary>Reads rotary settings from one section.</summary>
    public RopeSettings Rope(ModelConfig section, double theta, double share = 1)
    {
        var length = Int("max_position_embeddings", 2048);
        var original = section.Int("original_max_position_embeddings", Int("original_max_position_embeddings", length));
        var type = section.Text(section.Either("rope_type", "type"), "default");
        return new RopeSettings(section.Number("rope_theta", theta), new RopeScaling
        {
            Type = type is "su" ? "longrope" : type, // the original name
            Factor = section.Number("factor", type is "su" or "longrope" ? (double)length / original : 1),
            OriginalLength = original,
            LowFrequencyFactor = section.Number("low_freq_factor", 1),
            HighFrequencyFactor = section.Number("high_freq_factor", 4),
            BetaFast = section.Number("beta_fast", 32),
            BetaSlow = section.Number("beta_slow", 1),
            AttentionFactor = section.Has("attention_factor") ? section.Number("attention_factor", 1) : null,
            ShortFactors = [.. section.List("short_factor").Select(v => v.GetDouble())],
            LongFactors = [.. section.List("long_factor").Select(v => v.GetDouble())],
        }, section.Number("partial_rotary_factor", share));
    }

    /// <summary>
    /// The sliding window of each layer in tokens, null for full attention: <c>sliding_window</c> for the layers that
    /// <c>layer_types</c> marks as sliding.
    /// </summary>
    /// <param name="layers">The number of layers.</param>
    /// <param name="slides">Which layers have a window if <c>layer_types</c> is absent.</param>
    public IReadOnlyList<int?> Windows(int layers, Func<int, bool> slides)
    {
        int? window = Has("sliding_window") && Flag("use_sliding_window", true) ? Int("sliding_window") : null;
        var types = List("layer_types").Select(t => t.ToString()).ToArray();
        if (types.Length > 0 && types.Length != layers)
            throw new InputException($"{location}: layer_types names {types.Length} of {layers} layers.");
        if (types.FirstOrDefault(t => t is not ("sliding_attention" or "full_attention")) is { } unknown)
            throw new InputException($"{location}: the layer type '{unknown}' is unknown; sliding_attention and " +
                "full_attention are supported.");
        return [.. Enumerable.Range(0, layers).Select(i =>
            (types.Length > 0 ? types[i] == "sliding_attention" : slides(i)) ? window : null)];
    }

    /// <summary>Rejects fields that were not read, except fields that are disabled or known to have no effect.</summary>
    public void RefuseUnread()
    {
        foreach (var field in json.EnumerateObject())
            if (!_read.Contains(field.Name) && !HarmlessFields.Names.Contains(field.Name) && !SwitchedOff(field.Value))
                throw new InputException($"{location}: '{field.Name}' is {Shown(field.Value)}, an unknown field for this model " +
                    "type. It may change the computation; remove it if it does not.");
        foreach (var section in _sections.Values) section.RefuseUnread();
    }

    private static bool SwitchedOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.GetDouble() == 0,
        JsonValueKind.String => value.GetString() is "" or "none",
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };

    private static string Shown(JsonElement value)
    {
        var text = value.GetRawText();
        return text.Length > 60 ? text[..57] + "..." : text;
    }

    private bool IsNumber(string key) => Value(key).ValueKind == JsonValueKind.Number;

    private JsonElement Value(string key) => json.GetProperty(key);

    private InputException Wrong(string key, string allowed) =>
        new($"{location}: '{key}' is {Shown(json.GetProperty(key))}; {allowed} is needed.");
}
