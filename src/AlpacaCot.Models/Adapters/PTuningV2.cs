using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of P-tuning v2, saved with the names of ChatGLM's <c>config.json</c>; PEFT has none.</summary>
public sealed record PTuningV2Config : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PTuningV2.Method;

    /// <summary><c>pre_seq_len</c>: virtual tokens.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary><c>prefix_projection</c>: keys and values come out of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary>Whether training drops a tenth of keys and values, as ChatGLM's does. Not saved.</summary>
    public bool Dropout { get; init; }

    // ChatGLM's own names; other trained modules as everywhere.
    internal override string FileName(string name) =>
        name.StartsWith(PTuningV2.At, StringComparison.Ordinal) ? name : base.FileName(name);
}

/// <summary>
/// P-tuning v2 (Liu et al., 2022) as ChatGLM has it: trained keys and values before those of the sequence in every layer, which
/// take no positions. With projection they come out of an MLP over an embedding, and that is what is saved.
/// </summary>
public static class PTuningV2
{
    internal const string At = "transformer.prefix_encoder";

    private const double DropoutInTraining = 0.1; // ChatGLM's, on keys and values

    /// <summary>The declaration of the method.</summary>
    public static AdapterMethod<PTuningV2Config> Method { get; } = new("P_TUNING_V2")
    {
        Presets = [new("p_tuning_v2", new() { Tokens = 20, Dropout = true })],
        Settings =
        [
            SharedSettings.Modules<PTuningV2Config>(),
            new(Key<PTuningV2Config>.Whole("virtual_tokens", 1, "virtual tokens of a prompt or prefix",
                    c => c.Tokens, (c, v) => c with { Tokens = v }),
                new((config, fields) => config with
                {
                    Tokens = fields.Whole("pre_seq_len", 1)
                        ?? throw fields.Fault("pre_seq_len is missing: how many virtual tokens are there?"),
                }, (config, fields) => fields["pre_seq_len"] = config.Tokens)),
            Setting<PTuningV2Config>.Flag("projection", "prefix_projection", "whether a prefix comes out of a network",
                c => c.Projects, (c, v) => c with { Projects = v }),
        ],
        OnAttach = Attach,
    };

    private static void Attach(PTuningV2Config own, AdapterBuilder parts)
    {
        var shape = parts.Model.Shape;
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
        parts.Prepend(new KeyValuePrefix(own.Tokens, TakesPositions: false, mode =>
        {
            var made = vectors();
            return PrefixTuning.KeysAndValues(Dropout.Of(made, own.Dropout ? DropoutInTraining : 0, mode) ?? made, parts.Model);
        }));
    }
}
