using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's configurations of prompt tuning say.</summary>
public sealed record PromptTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override string PeftType => "PROMPT_TUNING";

    /// <summary><c>prompt_tuning_init_text</c>: the text that the vectors start at, or none: at random.</summary>
    public string? StartText { get; init; }

    /// <summary>The token ids of that text; repeated or cut to the number of virtual tokens. Needed for a fresh adapter
    /// only.</summary>
    public IReadOnlyList<int> StartIds { get; init; } = [];

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        base.Write(fields);
        fields["prompt_tuning_init"] = StartText is null ? "RANDOM" : "TEXT";
        fields["prompt_tuning_init_text"] = StartText;
    }
}

/// <summary>Prompt tuning (Lester et al., 2021): a few trained vectors are read before every sequence as if they were
/// tokens'.</summary>
public sealed class PromptTuning : IAdapterMethod
{
    private const string Vectors = "prompt_embeddings";

    /// <inheritdoc/>
    public string PeftType => "PROMPT_TUNING";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields)
    {
        fields.Choice("prompt_tuning_init", "RANDOM", "TEXT", "SAMPLE_VOCAB");
        return PromptConfig.Common(new PromptTuningConfig { StartText = fields.Text("prompt_tuning_init_text") }, fields);
    }

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var (own, table) = ((PromptTuningConfig)config, parts.Model.WordEmbedding.Weight);
        var width = table.shape[1];
        var vectors = parts.Train(Vectors, [own.Tokens, width], Start);
        parts.Before(new Prompt(own.Tokens, vectors.alias));
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
