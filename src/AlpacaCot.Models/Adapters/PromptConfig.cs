using System.Text.Json.Nodes;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// What PEFT's configurations of prompt tuning, P-tuning and prefix tuning have in common. The sizes of the model are written for
/// other readers; the model itself decides here.
/// </summary>
public abstract record PromptConfig : AdapterConfig
{
    /// <summary><c>num_virtual_tokens</c>.</summary>
    public int Tokens { get; init; } = 20;

    /// <summary>The model's sizes as PEFT writes them: blocks, heads, width of one token.</summary>
    public (int Layers, int Heads, long Width)? Sizes { get; init; }

    internal static T Common<T>(T config, PeftFields fields) where T : PromptConfig => config with
    {
        Tokens = fields.Whole("num_virtual_tokens", 1)
            ?? throw fields.Fault("num_virtual_tokens is missing: how many virtual tokens are there?"),
        Sizes = (fields.Whole("num_layers", 0) ?? 0, fields.Whole("num_attention_heads", 0) ?? 0, fields.Whole("token_dim", 0)
            ?? 0),
    };

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["num_attention_heads"] = Sizes?.Heads;
        fields["num_layers"] = Sizes?.Layers;
        fields["num_transformer_submodules"] = 1;
        fields["num_virtual_tokens"] = Tokens;
        fields["token_dim"] = Sizes?.Width;
    }

    internal override string FileName(string name) => name; // PEFT gives prompts no prefix

    /// <summary>The same with the sizes of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="width">Width of one token's vector.</param>
    /// <param name="heads">Heads that share it.</param>
    internal PromptConfig For(CausalModel model, long width, int heads) =>
        Sizes is { Layers: > 0 } ? this : this with { Sizes = (model.Shape.Layers, heads, width) };
}
