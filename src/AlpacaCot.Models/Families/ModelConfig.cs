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
    private readonly string _location = location;
    private readonly HashSet<string> _read = [];
    private readonly Dictionary<string, ModelConfig> _sections = [];

    /// <summary>The value of <c>model_type</c>.</summary>
    public string? ModelType => Has("model_type") ? Text("model_type", "") : null;

    /// <summary>Whether the key is present with a value other than null; marks it as read.</summary>
    public bool Has(string key)
    {
        _read.Add(key);
        return json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null;
    }

    /// <summary>Returns <paramref name="key"/> if it is present, else the older name of the setting.</summary>
    public string Either(string key, string older)
    {
        var (hasKey, hasOlder) = (Has(key), Has(older)); // both are read
        return hasKey || !hasOlder ? key : older;
    }

    // Far above any model's sizes; products of a few sizes stay within 32 bits.
    private const int Largest = 1 << 28;

    /// <summary>Reads a whole number of at least <paramref name="least"/>; an error if it is absent without a default.</summary>
    public int Int(string key, int? otherwise = null, int least = 1) => Has(key)
        ? IsNumber(key) && Value(key).TryGetInt32(out var value) && value >= least && value <= Largest
        ? value : throw Wrong(key, $"a whole number from {least} to {Largest}")
        : otherwise ?? throw new InputException($"{_location} lacks '{key}'.");

    /// <summary>Reads a number.</summary>
    public double Number(string key, double otherwise) =>
        !Has(key) ? otherwise : IsNumber(key) && Value(key).TryGetDouble(out var value) && double.IsFinite(value) ? value
        : throw Wrong(key, "a number");

    /// <summary>Reads a number above 0.</summary>
    public double Positive(string key, double otherwise) => !Has(key) ? otherwise
        : Number(key, otherwise) is > 0 and var value ? value : throw Wrong(key, "a number above 0");

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

    /// <summary>Reads a list of numbers; empty if absent.</summary>
    public IReadOnlyList<double> Numbers(string key) => [.. List(key).Select(item => item.ValueKind == JsonValueKind.Number
        && item.TryGetDouble(out var value) && double.IsFinite(value) ? value : throw Wrong(key, "a list of numbers"))];

    /// <summary>Reads a list of whole numbers from 0; empty if absent.</summary>
    public IReadOnlyList<int> Ints(string key) => [.. List(key).Select(item => item.ValueKind == JsonValueKind.Number
        && item.TryGetInt32(out var value) && value >= 0 ? value : throw Wrong(key, "a list of whole numbers from 0"))];

    /// <summary>Reads a nested JSON object.</summary>
    public ModelConfig Section(string key)
    {
        if (!Has(key) || Value(key).ValueKind != JsonValueKind.Object) throw Wrong(key, "an object");
        if (!_sections.TryGetValue(key, out var section))
            _sections.Add(key, section = new ModelConfig(Value(key), $"{_location}, {key}"));
        return section;
    }

    /// <summary>Rejects a setting with any value other than <paramref name="only"/>, the only one supported.</summary>
    public void Require(string key, string only)
    {
        if (Has(key) && Value(key).ToString() is var found && !string.Equals(found, only, StringComparison.OrdinalIgnoreCase))
            throw new InputException($"{_location}: {key} is '{found}'; only '{only}' is supported for this model type.");
    }

    /// <summary>Reads the sizes under the names that most families use.</summary>
    public DecoderSizes Sizes()
    {
        var (hidden, heads) = (Int("hidden_size"), Int("num_attention_heads"));
        var groups = Int("num_key_value_heads", heads);
        var headDimension = Int("head_dim", heads > 0 ? hidden / heads : 0);
        if (heads < 1 || groups < 1 || headDimension < 1 || heads % groups != 0 || (long)heads * headDimension > Largest)
            throw new InputException($"{_location}: {heads} heads, {groups} key heads and a width of {hidden} are inconsistent.");
        return new DecoderSizes(Int("vocab_size"), hidden, Int("intermediate_size"), Int("num_hidden_layers"), heads, groups,
            headDimension, Int("max_position_embeddings", 2048));
    }

    /// <summary>
    /// Reads rotary settings in the newer form (<c>rope_parameters</c>) or the older (<c>rope_theta</c> and <c>rope_scaling</c>).
    /// </summary>
    public RopeSettings Rope(double theta = 10000)
    {
        var section = Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        theta = Positive("rope_theta", theta);
        Has("original_max_position_embeddings"); // used by some scalings only
        var share = Number("partial_rotary_factor", 1);
        return Has(section) ? Rope(Section(section), theta, share) : new RopeSettings(theta, new RopeScaling(), share);
    }

    /// <summary>Reads rotary settings from one section.</summary>
    public RopeSettings Rope(ModelConfig section, double theta, double share = 1)
    {
        var length = Int("max_position_embeddings", 2048);
        var original = section.Int("original_max_position_embeddings", Int("original_max_position_embeddings", length));
        var type = ScalingType(section);
        return new RopeSettings(section.Positive("rope_theta", theta), new RopeScaling
        {
            Type = type,
            Factor = section.Positive("factor", type is "longrope" ? (double)length / original : 1),
            OriginalLength = original,
            LowFrequencyFactor = section.Number("low_freq_factor", 1),
            HighFrequencyFactor = section.Number("high_freq_factor", 4),
            BetaFast = section.Number("beta_fast", 32),
            BetaSlow = section.Number("beta_slow", 1),
            Truncates = section.Flag("truncate", true),
            AttentionFactor = section.Has("attention_factor") ? section.Number("attention_factor", 1) : null,
            ShortFactors = section.Numbers("short_factor"), LongFactors = section.Numbers("long_factor"),
        }, section.Number("partial_rotary_factor", share));
    }

    // rope_type, and the older type; files of a changed name have both.
    private static string ScalingType(ModelConfig section)
    {
        var (newer, older) = (Named("rope_type"), Named("type"));
        return newer is not null && older is not null && newer != older
            ? throw new InputException(
                $"{section._location}: rope_type is '{newer}' and type is '{older}'; remove the wrong one.")
            : newer ?? older ?? "default";

        string? Named(string key) => !section.Has(key) ? null
            : section.Text(key, "") is "su" ? "longrope" : section.Text(key, ""); // su: the original name
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
            throw new InputException($"{_location}: layer_types names {types.Length} of {layers} layers.");
        if (types.FirstOrDefault(t => t is not ("sliding_attention" or "full_attention")) is { } unknown)
            throw new InputException($"{_location}: the layer type '{unknown}' is unknown; sliding_attention and " +
                "full_attention are supported.");
        return [.. Enumerable.Range(0, layers).Select(i =>
            (types.Length > 0 ? types[i] == "sliding_attention" : slides(i)) ? window : null)];
    }

    /// <summary>Rejects fields that were not read, except fields that are disabled or known to have no effect.</summary>
    public void RefuseUnread()
    {
        foreach (var field in json.EnumerateObject())
            if (!_read.Contains(field.Name) && !HarmlessFields.Names.Contains(field.Name) && !SwitchedOff(field))
                throw new InputException($"{_location}: '{field.Name}' is {Shown(field.Value)}, an unknown field for this " +
                    "model type. It may change the computation; remove it if it does not.");
        foreach (var section in _sections.Values) section.RefuseUnread();
    }

    // Switches that are on where a configuration does not name them: false is a setting, not its absence.
    private static readonly HashSet<string> OnByDefault =
    [
        "scale_attn_weights", "rmsnorm", "post_layer_norm", "truncate", "layer_norm_elementwise_affine", "position_encoding_2d",
        "is_causal", "causal", "use_rope",
    ];

    private static bool SwitchedOff(JsonProperty field) => SwitchedOff(field.Value)
        && !(field.Value.ValueKind == JsonValueKind.False && OnByDefault.Contains(field.Name));

    private static bool SwitchedOff(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.TryGetDouble(out var number) && number == 0,
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
        new($"{_location}: '{key}' is {Shown(Value(key))}; {allowed} is needed.");
}
