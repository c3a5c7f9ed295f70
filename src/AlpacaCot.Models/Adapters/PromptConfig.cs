using AlpacaCot.Configuration;
using AlpacaCot.Models.Families;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The settings shared by prompt tuning, P-tuning and prefix tuning. The model's sizes are saved for other programs; when
/// loading, the model itself determines them.
/// </summary>
public abstract record PromptConfig : AdapterConfig
{
    /// <summary><c>num_virtual_tokens</c>: the number of virtual tokens.</summary>
    public int Tokens { get; init; } = 20;

    /// <summary>The model's sizes as PEFT writes them: blocks, heads, width of one token's vector.</summary>
    public (int Layers, int Heads, long Width)? Sizes { get; init; }

    /// <summary><c>virtual_tokens</c> and the saved sizes of the model.</summary>
    internal static Setting<T> VirtualTokens<T>() where T : PromptConfig => new(
        Key<T>.Whole("virtual_tokens", 1, "virtual tokens of a prompt or prefix", c => c.Tokens, (c, v) => c with { Tokens = v }),
        new((config, fields) => config with
        {
            Tokens = fields.Whole("num_virtual_tokens", 1)
                ?? throw fields.Fault("num_virtual_tokens is missing: set it to the number of virtual tokens."),
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

    internal override string FileName(string name) => name; // PEFT saves prompt weights without prefix

    /// <summary>This configuration with the sizes of a model, unless it has sizes already.</summary>
    /// <param name="model">The model.</param>
    /// <param name="width">The width of one token's vector.</param>
    /// <param name="heads">The number of heads that share the width.</param>
    internal PromptConfig For(CausalModel model, long width, int heads) =>
        Sizes is { Layers: > 0 } ? this : this with { Sizes = (model.Shape.Layers, heads, width) };
}
