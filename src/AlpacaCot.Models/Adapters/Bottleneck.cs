using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// What a configuration of bottleneck adapters says, with the names of LLM-Adapters (Hu et al., 2023); PEFT has none.
/// </summary>
public sealed record BottleneckConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "BOTTLENECK";

    /// <summary><c>bottleneck_size</c>: the width between down and up.</summary>
    public int Size { get; init; } = 256;

    /// <summary><c>non_linearity</c>: <c>tanh</c>, <c>relu</c>, <c>gelu</c> or <c>silu</c>.</summary>
    public string Activation { get; init; } = "tanh";

    /// <summary><c>adapter_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary><c>scaling</c>: the factor on what the adapter adds.</summary>
    public double Scale { get; init; } = 1;

    /// <summary><c>use_parallel_adapter</c>: it reads what the layer reads, not what the layer gives.</summary>
    public bool Parallel { get; init; }

    /// <summary>The layers with an adapter.</summary>
    public Targets Targets { get; init; } = new();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["adapter_dropout"] = Dropout;
        fields["bottleneck_size"] = Size;
        fields["non_linearity"] = Activation;
        fields["scaling"] = PeftFields.Number(Scale);
        Targets.Write(fields, layers: false);
        fields["use_parallel_adapter"] = Parallel;
    }
}

/// <summary>
/// Bottleneck adapters: <c>h + s · f(h Downᵀ) Upᵀ</c> behind a sublayer's last projection, after attention and feed-forward
/// (Houlsby et al., 2019) or after the feed-forward alone (Pfeiffer et al., 2021); or beside a layer,
/// <c>x Wᵀ + s · f(x Downᵀ) Upᵀ</c> (He et al., 2022). Up starts at zero.
/// </summary>
public sealed class Bottleneck : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "BOTTLENECK";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields) => new BottleneckConfig
    {
        Size = fields.Whole("bottleneck_size", 1) ?? 256,
        Activation = fields.Choice("non_linearity", "tanh", "relu", "gelu", "silu"),
        Dropout = fields.Real("adapter_dropout", 0, 1) ?? 0,
        Scale = fields.Real("scaling", double.MinValue, double.MaxValue) ?? 1,
        Parallel = fields.Flag("use_parallel_adapter"), Targets = Targets.Read(fields),
    };

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (BottleneckConfig)config;
        foreach (var layer in own.Targets.Linears(parts.Model))
        {
            var (name, read) = (layer.Name, own.Parallel ? layer.Inputs : layer.Outputs);
            parts.On(layer, new Piece(own,
                parts.Train($"{name}.adapter_down.weight", [own.Size, read],
                    () => parts.Weights.Normal(name, [own.Size, read], 0.02)),
                parts.Train($"{name}.adapter_up.weight", [layer.Outputs, own.Size], () => parts.Zeros(layer.Outputs, own.Size))));
        }
    }

    private sealed class Piece(BottleneckConfig config, Tensor down, Tensor up) : ILinearAdapter
    {
        private readonly Func<Tensor, Tensor> activation = config.Activation == "tanh"
            ? x => x.tanh() : Activations.Named(config.Activation);

        public Tensor Forward(Linear layer, Tensor x, Pass pass)
        {
            var y = layer.Biased(layer.Product(x, pass.Mode));
            var read = config.Parallel ? x : y;
            read = Dropout.Of(read, config.Dropout, pass.Mode) ?? read;
            var inner = activation(nn.functional.linear(read, down)); // [.., size]
            return y.Plus(nn.functional.linear(inner, up) * Number(config.Scale));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new Text.InputException(
            $"Bottleneck adapters have a non-linearity, which no weight of {layer.Name} can say: they cannot be merged. Use them with --adapter.");
    }
}
