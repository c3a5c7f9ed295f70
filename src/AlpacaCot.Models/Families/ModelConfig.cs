using System.Text.Json;
using AlpacaCot.Data;
using AlpacaCot.Models.Layers;

namespace AlpacaCot.Models.Families;

/// <summary>Typed reading of <c>config.json</c> with errors that name the key.</summary>
internal readonly struct ModelConfig(JsonElement json)
{
    public bool Has(string key) => json.TryGetProperty(key, out var value) && value.ValueKind != JsonValueKind.Null;

    public int Int(string key, int? otherwise = null) => Has(key)
        ? IsNumber(key) && Value(key).TryGetInt32(out var value) && value > 0 ? value : throw Wrong(key, "a whole number above 0")
        : otherwise ?? throw new InputException($"config.json lacks '{key}'.");

    public double Number(string key, double otherwise) =>
        !Has(key) ? otherwise : IsNumber(key) ? Value(key).GetDouble() : throw Wrong(key, "a number");

    public bool Flag(string key, bool otherwise = false) => !Has(key) ? otherwise : Value(key).ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(key, "true or false"),
    };

    /// <summary>Refuses a setting that changes the computation in a way that is not done here.</summary>
    public void Require(string key, string only)
    {
        if (Has(key) && json.GetProperty(key).ToString() is var found && !string.Equals(found, only, StringComparison.OrdinalIgnoreCase))
            throw new InputException($"config.json: {key} is '{found}'; only '{only}' is supported for this model type.");
    }

    /// <summary>
    /// Rotary settings in the newer form (<c>rope_parameters</c>) or the older (<c>rope_theta</c> and <c>rope_scaling</c>).
    /// </summary>
    public (double Theta, RopeScaling Scaling) Rope()
    {
        var section = Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        var theta = Number("rope_theta", 10000);
        if (!Has(section)) return (theta, new RopeScaling());
        var rope = new ModelConfig(json.GetProperty(section));
        var type = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        if (rope.Has("mscale") || rope.Has("mscale_all_dim"))
            throw new InputException($"config.json: {section}.mscale is not supported for this model type.");
        return (rope.Number("rope_theta", theta), new RopeScaling
        {
            Type = type,
            Factor = rope.Number("factor", 1),
            OriginalLength = rope.Int("original_max_position_embeddings", Int("max_position_embeddings", 2048)),
            LowFrequencyFactor = rope.Number("low_freq_factor", 1),
            HighFrequencyFactor = rope.Number("high_freq_factor", 4),
            BetaFast = rope.Number("beta_fast", 32),
            BetaSlow = rope.Number("beta_slow", 1),
            AttentionFactor = rope.Has("attention_factor") ? rope.Number("attention_factor", 1) : null,
        });
    }

    private string? Text(string key) => Has(key) ? Value(key).GetString() : null;

    private bool IsNumber(string key) => Value(key).ValueKind == JsonValueKind.Number;

    private JsonElement Value(string key) => json.GetProperty(key);

    private InputException Wrong(string key, string wanted) =>
        new($"config.json: '{key}' is {json.GetProperty(key).GetRawText()}; {wanted} is needed.");
}
