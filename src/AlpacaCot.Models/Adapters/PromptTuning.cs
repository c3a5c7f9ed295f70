using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of prompt tuning.</summary>
public sealed record PromptTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PromptTuning.Method;

    /// <summary><c>prompt_tuning_init_text</c>: the text that the vectors start at, or none: at random.</summary>
    public string? StartText { get; init; }

    /// <summary>The token ids of that text; repeated or cut to the number of virtual tokens. Needed for a fresh adapter
    /// only.</summary>
    public IReadOnlyList<int> StartIds { get; init; } = [];
}

/// <summary>Prompt tuning (Lester et al., 2021): a few trained vectors are read before every sequence as if they were
/// tokens'.</summary>
public static class PromptTuning
{
    private const string Vectors = "prompt_embeddings";

    /// <summary>The declaration of the method.</summary>
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

    private static void Attach(PromptTuningConfig own, AdapterBuilder parts)
    {
        var table = parts.Model.WordEmbedding.Weight;
        var width = table.shape[1];
        var vectors = parts.Train(Vectors, [own.Tokens, width], Start);
        parts.Prepend(new SoftPrompt(own.Tokens, vectors.alias));
        parts.SaveAs(own.For(parts.Model, width, (int)(width / parts.Model.Shape.HeadDimension)));

        Tensor Start()
        {
            if (own.StartText is null) return parts.Weights.Normal(Vectors, [own.Tokens, width], 1);
            if (own.StartIds.Count == 0)
                throw new InputException($"The text \"{own.StartText}\" to start the prompt from has no tokens.");
            long[] ids = [.. Enumerable.Range(0, own.Tokens).Select(i => (long)own.StartIds[i % own.StartIds.Count])];
            return table.index_select(0, Tensors.Of(ids, table.device));
        }
    }
}
