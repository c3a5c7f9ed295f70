using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of prompt tuning.</summary>
public sealed record PromptTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PromptTuning.Method;

    /// <summary>
    /// <c>prompt_tuning_init_text</c>: the text whose embeddings initialize the vectors; null: random initialization.
    /// </summary>
    public string? StartText { get; init; }

    /// <summary>
    /// The token ids of that text, repeated or truncated to the number of virtual tokens. Needed for a new adapter only.
    /// </summary>
    public IReadOnlyList<int> StartIds { get; init; } = [];
}

/// <summary>Prompt tuning (Lester et al., 2021): a few trained vectors precede every sequence like token embeddings.</summary>
public static class PromptTuning
{
    private const string Vectors = "prompt_embeddings";

    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<PromptTuningConfig> Method { get; } = new("PROMPT_TUNING")
    {
        Presets = [new("prompt_tuning", new())],
        Settings =
        [
            PromptConfig.VirtualTokens<PromptTuningConfig>(),
            new(Key<PromptTuningConfig>.Text("start_text", "a text",
                    "the text that prompt tuning starts at; without it at random",
                    c => c.StartText, (c, v) => c with { StartText = v }),
                new(ReadStart, (config, fields) =>
                {
                    fields["prompt_tuning_init"] = config.StartText is null ? "RANDOM" : "TEXT";
                    fields["prompt_tuning_init_text"] = config.StartText;
                })),
        ],
        OnAttach = Attach,
        OnComplete = (config, setup) => config.StartText is { } text ? config with { StartIds = setup.Encode(text) } : config,
    };

    private static PromptTuningConfig ReadStart(PromptTuningConfig config, PeftFields fields)
    {
        fields.Choice("prompt_tuning_init", "RANDOM", "TEXT", "SAMPLE_VOCAB");
        return config with { StartText = fields.Text("prompt_tuning_init_text") };
    }

    private static void Attach(PromptTuningConfig config, AdapterBuilder builder)
    {
        var table = builder.Model.WordEmbedding.Weight;
        var width = table.shape[1];
        var vectors = builder.Train(Vectors, [config.Tokens, width], Initialize);
        builder.Prepend(new SoftPrompt(config.Tokens, vectors.alias));
        builder.SaveAs(config.For(builder.Model, width, (int)(width / builder.Model.Shape.HeadDimension)));

        Tensor Initialize()
        {
            if (config.StartText is null) return builder.Weights.Normal(Vectors, [config.Tokens, width], 1);
            if (config.StartIds.Count == 0)
                throw new InputException(
                    $"The initial text of the prompt, \"{config.StartText}\", has no tokens; choose another start_text.");
            long[] ids = [.. Enumerable.Range(0, config.Tokens).Select(i => (long)config.StartIds[i % config.StartIds.Count])];
            return table.index_select(0, Tensors.Of(ids, table.device));
        }
    }
}
