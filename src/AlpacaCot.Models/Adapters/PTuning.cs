using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's configurations of P-tuning say.</summary>
public sealed record PTuningConfig : PromptConfig
{
    /// <inheritdoc/>
    public override string PeftType => "P_TUNING";

    /// <summary><c>encoder_reparameterization_type</c>: <c>MLP</c> or <c>LSTM</c>.</summary>
    public string Encoder { get; init; } = "MLP";

    /// <summary><c>encoder_hidden_size</c>.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary><c>encoder_num_layers</c>: layers of an LSTM; an MLP always has three matrices.</summary>
    public int LstmLayers { get; init; } = 2;

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        base.Write(fields);
        fields["encoder_dropout"] = 0.0;
        fields["encoder_hidden_size"] = Hidden;
        fields["encoder_num_layers"] = LstmLayers;
        fields["encoder_reparameterization_type"] = Encoder;
    }
}

/// <summary>
/// P-tuning (Liu et al., 2021): prompt tuning whose vectors come out of a small network over an embedding, an MLP or a
/// bidirectional LSTM with an MLP. The vectors alone are saved; the network is for training.
/// </summary>
public sealed class PTuning : IAdapterMethod
{
    private const string At = "prompt_encoder";

    /// <inheritdoc/>
    public string PeftType => "P_TUNING";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => PromptConfig.Common(new PTuningConfig
    {
        Encoder = fields.Choice("encoder_reparameterization_type", "MLP", "LSTM"),
        Hidden = fields.Whole("encoder_hidden_size", 1) ?? 128,
        LstmLayers = fields.Whole("encoder_num_layers", 1) ?? 2,
    }, fields);

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (PTuningConfig)config;
        var width = parts.Model.WordEmbedding.Weight.shape[1];
        var saved = own.For(parts.Model, width, (int)(width / parts.Model.Shape.HeadDimension));
        PromptVectors.Attach(parts, saved, [own.Tokens, width],
            () => own.Encoder == "MLP" ? Mlp(own, parts, width) : LstmMlp(own, parts, width),
            vectors => parts.Before(new Prompt(own.Tokens, vectors)));
    }

    private static Func<Tensor> Mlp(PTuningConfig config, AdapterParts parts, long width)
    {
        var start = Trained.Embedding(parts, $"{At}.embedding", config.Tokens, width);
        var layers = (First: Trained.Linear(parts, $"{At}.mlp_head.0", width, config.Hidden),
            Second: Trained.Linear(parts, $"{At}.mlp_head.2", config.Hidden, config.Hidden),
            Third: Trained.Linear(parts, $"{At}.mlp_head.4", config.Hidden, width));
        return () => layers.Third(layers.Second(layers.First(start).relu()).relu());
    }

    private static Func<Tensor> LstmMlp(PTuningConfig config, AdapterParts parts, long width)
    {
        var start = Trained.Embedding(parts, $"{At}.embedding", config.Tokens, width);
        var lstm = Trained.Lstm(parts, $"{At}.lstm_head", width, config.Hidden, config.LstmLayers);
        var layers = (First: Trained.Linear(parts, $"{At}.mlp_head.0", 2 * config.Hidden, 2 * config.Hidden),
            Second: Trained.Linear(parts, $"{At}.mlp_head.2", 2 * config.Hidden, width));
        return () => layers.Second(layers.First(lstm(start)).relu());
    }
}
