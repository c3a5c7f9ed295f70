using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's configurations of prefix tuning say.</summary>
public sealed record PrefixTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override string PeftType => "PREFIX_TUNING";

    /// <summary><c>prefix_projection</c>: keys and values come out of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary><c>encoder_hidden_size</c>: its width.</summary>
    public int Hidden { get; init; } = 128;

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        base.Write(fields);
        fields["encoder_hidden_size"] = Hidden;
        fields["prefix_projection"] = Projects;
    }
}

/// <summary>
/// Prefix tuning (Li and Liang, 2021): trained keys and values stand before those of the sequence in every layer, as if tokens
/// had been read before. With projection they come out of an MLP over an embedding; what is saved are keys and values.
/// </summary>
public sealed class PrefixTuning : IAdapterMethod
{
    private const string At = "prompt_encoder";

    /// <inheritdoc/>
    public string PeftType => "PREFIX_TUNING";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => PromptConfig.Common(new PrefixTuningConfig
    {
        Projects = fields.Flag("prefix_projection"), Hidden = fields.Whole("encoder_hidden_size", 1) ?? 128,
    }, fields);

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var (own, shape) = ((PrefixTuningConfig)config, parts.Model.Shape);
        var width = (long)shape.KeyValueHeads * shape.HeadDimension;
        var all = 2 * shape.Layers * width;
        PromptVectors.Attach(parts, own.For(parts.Model, width, shape.KeyValueHeads), [own.Tokens, all],
            own.Projects ? Projected : null,
            vectors => parts.Before(new Prefix(own.Tokens, TakesPlaces: true, _ => KeysAndValues(vectors(), parts.Model))));

        Func<Tensor> Projected()
        {
            var start = Trained.Embedding(parts, $"{At}.embedding", own.Tokens, width);
            var (first, second) = (Trained.Linear(parts, $"{At}.transform.0", width, own.Hidden),
                Trained.Linear(parts, $"{At}.transform.2", own.Hidden, all));
            return () => second(first(start).tanh());
        }
    }

    /// <summary><c>[n, layers · 2 · kv heads · d]</c> as keys and values of each layer, <c>[1, kv heads, n, d]</c>.</summary>
    internal static IReadOnlyList<(Tensor Key, Tensor Value)> KeysAndValues(Tensor vectors, Families.CausalModel model)
    {
        var shape = model.Shape;
        var all = vectors.view(-1, shape.Layers, 2, shape.KeyValueHeads, shape.HeadDimension).permute(1, 2, 3, 0, 4);
        return [.. Enumerable.Range(0, shape.Layers).Select(i => (all[i, 0].unsqueeze(0), all[i, 1].unsqueeze(0)))];
    }
}
