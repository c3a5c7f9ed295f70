using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of P-tuning.</summary>
public sealed record PTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => PTuning.Method;

    /// <summary><c>encoder_reparameterization_type</c>: the network that produces the vectors.</summary>
    public PromptEncoder Encoder { get; init; }

    /// <summary><c>encoder_hidden_size</c>: the width of the network's hidden layers.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary><c>encoder_num_layers</c>: layers of an LSTM; an MLP always has three matrices.</summary>
    public int LstmLayers { get; init; } = 2;
}

/// <summary>The prompt encoders of P-tuning.</summary>
public enum PromptEncoder
{
    /// <summary>Three linear layers.</summary>
    Mlp,

    /// <summary>A bidirectional LSTM with two linear layers.</summary>
    Lstm,
}

/// <summary>
/// P-tuning (Liu et al., 2021): prompt tuning whose vectors are the output of a small network over an embedding, either an MLP or
/// a bidirectional LSTM with an MLP. Only the vectors are saved; the network is needed for training only.
/// </summary>
public static class PTuning
{
    private const string Prefix = "prompt_encoder";

    /// <summary>The registered declaration of the method.</summary>
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

    private static void Attach(PTuningConfig config, AdapterBuilder builder)
    {
        var width = builder.Model.WordEmbedding.Weight.shape[1];
        var saved = config.For(builder.Model, width, (int)(width / builder.Model.Shape.HeadDimension));
        PromptVectors.Attach(builder, saved, [config.Tokens, width],
            () => config.Encoder == PromptEncoder.Mlp ? Mlp(config, builder, width) : LstmMlp(config, builder, width),
            vectors => builder.Prepend(new SoftPrompt(config.Tokens, vectors)));
    }

    private static Func<Tensor> Mlp(PTuningConfig config, AdapterBuilder builder, long width)
    {
        var start = Trained.Embedding(builder, $"{Prefix}.embedding", config.Tokens, width);
        var layers = (First: Trained.Linear(builder, $"{Prefix}.mlp_head.0", width, config.Hidden),
            Second: Trained.Linear(builder, $"{Prefix}.mlp_head.2", config.Hidden, config.Hidden),
            Third: Trained.Linear(builder, $"{Prefix}.mlp_head.4", config.Hidden, width));
        return () => layers.Third(layers.Second(layers.First(start).relu()).relu());
    }

    private static Func<Tensor> LstmMlp(PTuningConfig config, AdapterBuilder builder, long width)
    {
        var start = Trained.Embedding(builder, $"{Prefix}.embedding", config.Tokens, width);
        var lstm = Trained.Lstm(builder, $"{Prefix}.lstm_head", width, config.Hidden, config.LstmLayers);
        var layers = (First: Trained.Linear(builder, $"{Prefix}.mlp_head.0", 2 * config.Hidden, 2 * config.Hidden),
            Second: Trained.Linear(builder, $"{Prefix}.mlp_head.2", 2 * config.Hidden, width));
        return () => layers.Second(layers.First(lstm(start)).relu());
    }
}
