using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>A configuration of P-tuning v2, with the names of ChatGLM's <c>config.json</c>; PEFT has none.</summary>
public sealed record PTuningV2Config : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "P_TUNING_V2";

    /// <summary><c>pre_seq_len</c>: virtual tokens.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary><c>prefix_projection</c>: keys and values come out of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary>Whether training drops a tenth of keys and values, as ChatGLM's does. Not saved.</summary>
    public bool Dropout { get; init; }

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["pre_seq_len"] = Tokens;
        fields["prefix_projection"] = Projects;
    }

    // ChatGLM's own names; other trained modules as everywhere.
    internal override string FileName(string name) =>
        name.StartsWith(PTuningV2.At, StringComparison.Ordinal) ? name : base.FileName(name);
}

/// <summary>
/// P-tuning v2 (Liu et al., 2022) as ChatGLM has it: trained keys and values before those of the sequence in every layer, which
/// take no positions. With projection they come out of an MLP over an embedding, and that is what is saved.
/// </summary>
public sealed class PTuningV2 : IAdapterMethod
{
    internal const string At = "transformer.prefix_encoder";

    private const double DropoutInTraining = 0.1; // ChatGLM's, on keys and values

    /// <inheritdoc/>
    public string PeftType => "P_TUNING_V2";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new PTuningV2Config
    {
        Tokens = fields.Whole("pre_seq_len", 1)
            ?? throw fields.Fault("pre_seq_len is missing: how many virtual tokens are there?"),
        Projects = fields.Flag("prefix_projection"),
    };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var (own, shape) = ((PTuningV2Config)config, parts.Model.Shape);
        var hidden = parts.Model.WordEmbedding.Weight.shape[1];
        var all = 2L * shape.Layers * shape.KeyValueHeads * shape.HeadDimension;
        // ChatGLM's table is as wide as the model; that of its successors as wide as all keys and values.
        var width = own.Projects && shape.Family == "chatglm" ? hidden : all;
        var start = Trained.Embedding(parts, $"{At}.embedding", own.Tokens, width);
        Func<Tensor> vectors = start.alias;
        if (own.Projects)
        {
            var (first, second) =
                (Trained.Linear(parts, $"{At}.trans.0", width, hidden), Trained.Linear(parts, $"{At}.trans.2", hidden, all));
            vectors = () => second(first(start).tanh());
        }
        parts.Before(new Prefix(own.Tokens, TakesPlaces: false, mode =>
        {
            var made = vectors();
            return PrefixTuning.KeysAndValues(Dropout.Of(made, own.Dropout ? DropoutInTraining : 0, mode) ?? made, parts.Model);
        }));
    }
}
