using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of P-tuning.</summary>
public sealed record PTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PTuning.Method;

    /// <summary><c>encoder_reparameterization_type</c>: the network.</summary>
    public PromptEncoder Encoder { get; init; }

    /// <summary><c>encoder_hidden_size</c>.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary><c>encoder_num_layers</c>: layers of an LSTM; an MLP always has three matrices.</summary>
    public int LstmLayers { get; init; } = 2;
}

/// <summary>The networks of P-tuning.</summary>
public enum PromptEncoder
{
    /// <summary>Three linear layers.</summary>
    Mlp,

    /// <summary>A bidirectional LSTM with two linear layers.</summary>
    Lstm,
}

/// <summary>
/// P-tuning (Liu et al., 2021): prompt tuning whose vectors come out of a small network over an embedding, an MLP or a
/// bidirectional LSTM with an MLP. The vectors alone are saved; the network is for training.
/// </summary>
public static class PTuning
{
    private const string At = "prompt_encoder";

    /// <summary>The declaration of the method.</summary>
    public static AdapterMethod<PTuningConfig> Method { get; } = new("P_TUNING")
    {
        Presets = [new("p_tuning", new())],
        Settings =
        [
            PromptConfig.VirtualTokens<PTuningConfig>(),
            Setting<PTuningConfig>.Word("encoder", "encoder_reparameterization_type", "network of P-tuning",
                c => c.Encoder, (c, v) => c with { Encoder = v },
                saved: new Words<PromptEncoder>((PromptEncoder.Mlp, "MLP"), (PromptEncoder.Lstm, "LSTM"))),
            Setting<PTuningConfig>.Whole("encoder_size", "encoder_hidden_size", 1,
                "width of the network of P-tuning or prefix tuning", c => c.Hidden, (c, v) => c with { Hidden = v }),
            PeftField<PTuningConfig>.Whole("encoder_num_layers", 1, c => c.LstmLayers, (c, v) => c with { LstmLayers = v }),
            PeftField<PTuningConfig>.Constant("encoder_dropout", 0.0),
        ],
        OnAttach = Attach,
    };

    private static void Attach(PTuningConfig own, AdapterBuilder parts)
    {
        var width = parts.Model.WordEmbedding.Weight.shape[1];
        var saved = own.For(parts.Model, width, (int)(width / parts.Model.Shape.HeadDimension));
        PromptVectors.Attach(parts, saved, [own.Tokens, width],
            () => own.Encoder == PromptEncoder.Mlp ? Mlp(own, parts, width) : LstmMlp(own, parts, width),
            vectors => parts.Prepend(new SoftPrompt(own.Tokens, vectors)));
    }

    private static Func<Tensor> Mlp(PTuningConfig config, AdapterBuilder parts, long width)
    {
        var start = Trained.Embedding(parts, $"{At}.embedding", config.Tokens, width);
        var layers = (First: Trained.Linear(parts, $"{At}.mlp_head.0", width, config.Hidden),
            Second: Trained.Linear(parts, $"{At}.mlp_head.2", config.Hidden, config.Hidden),
            Third: Trained.Linear(parts, $"{At}.mlp_head.4", config.Hidden, width));
        return () => layers.Third(layers.Second(layers.First(start).relu()).relu());
    }

    private static Func<Tensor> LstmMlp(PTuningConfig config, AdapterBuilder parts, long width)
    {
        var start = Trained.Embedding(parts, $"{At}.embedding", config.Tokens, width);
        var lstm = Trained.Lstm(parts, $"{At}.lstm_head", width, config.Hidden, config.LstmLayers);
        var layers = (First: Trained.Linear(parts, $"{At}.mlp_head.0", 2 * config.Hidden, 2 * config.Hidden),
            Second: Trained.Linear(parts, $"{At}.mlp_head.2", 2 * config.Hidden, width));
        return () => layers.Second(layers.First(lstm(start)).relu());
    }
}
