using AlpacaCot.Configuration;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The settings that prompt tuning, P-tuning and prefix tuning have in common. The sizes of the model are written for
/// other readers; the model itself decides here.
/// </summary>
public abstract record PromptConfig : AdapterConfig
{
    /// <summary><c>num_virtual_tokens</c>.</summary>
    public int Tokens { get; init; } = 20;

    /// <summary>The model's sizes as PEFT writes them: blocks, heads, width of one token.</summary>
    public (int Layers, int Heads, long Width)? Sizes { get; init; }

    /// <summary><c>virtual_tokens</c> and the saved sizes of the model.</summary>
    internal static Setting<T> VirtualTokens<T>() where T : PromptConfig => new(
        Key<T>.Whole("virtual_tokens", 1, "virtual tokens of a prompt or prefix", c => c.Tokens, (c, v) => c with { Tokens = v }),
        new((config, fields) => config with
        {
            Tokens = fields.Whole("num_virtual_tokens", 1)
                ?? throw fields.Fault("num_virtual_tokens is missing: how many virtual tokens are there?"),
            Sizes = ReadSizes(fields),
        }, (config, fields) =>
        {
            fields["num_attention_heads"] = config.Sizes?.Heads;
            fields["num_layers"] = config.Sizes?.Layers;
            fields["num_transformer_submodules"] = 1;
            fields["num_virtual_tokens"] = config.Tokens;
            fields["token_dim"] = config.Sizes?.Width;
        }));

    private static (int Layers, int Heads, long Width)? ReadSizes(PeftFields fields)
    {
        var (layers, heads, width) =
            (fields.Whole("num_layers", 0), fields.Whole("num_attention_heads", 0), fields.Whole("token_dim", 0));
        return layers is null && heads is null && width is null ? null : (layers ?? 0, heads ?? 0, width ?? 0);
    }

    internal override string FileName(string name) => name; // PEFT gives prompts no prefix

    /// <summary>The same with the sizes of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="width">Width of one token's vector.</param>
    /// <param name="heads">Heads that share it.</param>
    internal PromptConfig For(CausalModel model, long width, int heads) =>
        Sizes is { Layers: > 0 } ? this : this with { Sizes = (model.Shape.Layers, heads, width) };
}
