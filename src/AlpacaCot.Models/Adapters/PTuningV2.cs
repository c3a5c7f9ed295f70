using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The configuration of P-tuning v2, saved with the field names of ChatGLM's <c>config.json</c>; PEFT has no such method.
/// </summary>
public sealed record PTuningV2Config : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PTuningV2.Method;

    /// <summary><c>pre_seq_len</c>: the number of virtual tokens.</summary>
    public int Tokens { get; init; } = 128;

    /// <summary><c>prefix_projection</c>: keys and values are the output of a small network.</summary>
    public bool Projects { get; init; }

    /// <summary>Whether training applies dropout 0.1 to keys and values, as ChatGLM's does. Not saved.</summary>
    public bool Dropout { get; init; }

    // Prefix weights keep ChatGLM's names; other trained modules have the usual prefix.
    internal override string FileName(string name) =>
        name.StartsWith(PTuningV2.At, StringComparison.Ordinal) ? name : base.FileName(name);
}

/// <summary>
/// P-tuning v2 (Liu et al., 2022) as in ChatGLM: trained keys and values precede those of the sequence in every layer and take no
/// positions. With projection they are the output of an MLP over an embedding, and the MLP and embedding are saved.
/// </summary>
public static class PTuningV2
{
    internal const string At = "transformer.prefix_encoder";

    private const double DropoutInTraining = 0.1; // ChatGLM's value, on keys and values

    /// <summary>The registered declaration of the method.</summary>
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
                        ?? throw fields.Fault("pre_seq_len is missing: set it to the number of virtual tokens."),
                }, (config, fields) => fields["pre_seq_len"] = config.Tokens)),
            Setting<PTuningV2Config>.Flag("projection", "prefix_projection", "whether a prefix comes out of a network",
                c => c.Projects, (c, v) => c with { Projects = v }),
        ],
        OnAttach = Attach,
    };

    private static void Attach(PTuningV2Config config, AdapterBuilder builder)
    {
        var shape = builder.Model.Shape;
        var hidden = builder.Model.WordEmbedding.Weight.shape[1];
        var all = 2L * shape.Layers * shape.KeyValueHeads * shape.HeadDimension;
        // ChatGLM's embedding has the model's width; that of its successors has the width of all keys and values.
        var width = config.Projects && shape.Family == "chatglm" ? hidden : all;
        var start = Trained.Embedding(builder, $"{At}.embedding", config.Tokens, width);
        Func<Tensor> vectors = start.alias;
        if (config.Projects)
        {
            var (first, second) =
                (Trained.Linear(builder, $"{At}.trans.0", width, hidden), Trained.Linear(builder, $"{At}.trans.2", hidden, all));
            vectors = () => second(first(start).tanh());
        }
        builder.Prepend(new KeyValuePrefix(config.Tokens, TakesPositions: false, mode =>
        {
            var made = vectors();
            made = Dropout.Of(made, config.Dropout ? DropoutInTraining : 0, mode) ?? made;
            return PrefixTuning.KeysAndValues(made, builder.Model);
        }));
    }
}
