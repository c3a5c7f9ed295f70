using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The configuration of bottleneck adapters, saved with the field names of LLM-Adapters (Hu et al., 2023); PEFT has no such
/// method.
/// </summary>
public sealed record BottleneckConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Bottleneck.Method;

    /// <summary><c>bottleneck_size</c>: the width of the bottleneck.</summary>
    public int Size { get; init; } = 256;

    /// <summary><c>non_linearity</c>: the activation between the down and up projections.</summary>
    public BottleneckActivation Activation { get; init; }

    /// <summary><c>adapter_dropout</c>: dropout probability on the adapter's input, in training only.</summary>
    public double Dropout { get; init; }

    /// <summary><c>scaling</c>: the factor s on the adapter's output.</summary>
    public double Scale { get; init; } = 1;

    /// <summary><c>use_parallel_adapter</c>: the adapter takes the layer's input rather than its output.</summary>
    public bool Parallel { get; init; }
}

/// <summary>The non-linearities of bottleneck adapters.</summary>
public enum BottleneckActivation
{
    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary><c>max(0, x)</c>.</summary>
    Relu,

    /// <summary>GELU: x · Φ(x), with the standard normal distribution function Φ.</summary>
    Gelu,

    /// <summary>SiLU: x · sigmoid(x).</summary>
    Silu,
}

/// <summary>
/// Bottleneck adapters: <c>h + s · f(h Downᵀ) Upᵀ</c> after a sublayer's last projection, for attention and feed-forward (Houlsby
/// et al., 2019) or the feed-forward only (Pfeiffer et al., 2021); or parallel to a layer, <c>x Wᵀ + s · f(x Downᵀ) Upᵀ</c> (He
/// et al., 2022). Up is initialized to zero.
/// </summary>
public static class Bottleneck
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<BottleneckConfig> Method { get; } = new("BOTTLENECK")
    {
        Presets =
        [
            new("houlsby", new() { Size = 64 }) { DefaultTargets = FamilyTargets.SublayerOutputs },
            new("pfeiffer", new() { Size = 64 })
            {
                DefaultTargets = model => Targets.Of(FamilyTargets.FeedForwardOutput(model)),
            },
            new("parallel", new() { Size = 64, Parallel = true }) { DefaultTargets = FamilyTargets.AttentionInputs },
        ],
        Settings =
        [
            Setting<BottleneckConfig>.Probability("dropout", "adapter_dropout",
                "share of the adapter's inputs dropped in training", c => c.Dropout, (c, v) => c with { Dropout = v }),
            SharedSettings.Targets<BottleneckConfig>(),
            SharedSettings.LayersKey<BottleneckConfig>(),
            SharedSettings.LayersWhereSet<BottleneckConfig>(),
            SharedSettings.Modules<BottleneckConfig>(),
            Setting<BottleneckConfig>.Whole("size", "bottleneck_size", 1, "width of a bottleneck adapter",
                c => c.Size, (c, v) => c with { Size = v }),
            Setting<BottleneckConfig>.Word<BottleneckActivation>("activation", "non_linearity",
                "non-linearity of a bottleneck adapter", c => c.Activation, (c, v) => c with { Activation = v }),
            new(Key<BottleneckConfig>.Number("scale", "a number above 0", v => v > 0, "factor on what a bottleneck adapter adds",
                    c => c.Scale, (c, v) => c with { Scale = v }),
                PeftField<BottleneckConfig>.Number("scaling", double.MinValue, double.MaxValue,
                    c => c.Scale, (c, v) => c with { Scale = v })),
            PeftField<BottleneckConfig>.Flag("use_parallel_adapter", c => c.Parallel, (c, v) => c with { Parallel = v }),
        ],
        OnAttach = Attach,
    };

    private static void Attach(BottleneckConfig config, AdapterBuilder builder)
    {
        foreach (var layer in config.Targets.Linears(builder.Model))
        {
            var (name, input) = (layer.Name, config.Parallel ? layer.Inputs : layer.Outputs);
            builder.Adapt(layer, new BottleneckLinear(config,
                builder.Train($"{name}.adapter_down.weight", [config.Size, input],
                    () => builder.Weights.Normal(name, [config.Size, input], 0.02)),
                builder.Train($"{name}.adapter_up.weight", [layer.Outputs, config.Size],
                    () => builder.Zeros(layer.Outputs, config.Size))));
        }
    }

    private sealed class BottleneckLinear(BottleneckConfig config, Tensor down, Tensor up) : ILinearAdapter
    {
        private readonly Func<Tensor, Tensor> _activation = config.Activation == BottleneckActivation.Tanh
            ? x => x.tanh() : Activations.Named(Words<BottleneckActivation>.LowerCase.Of(config.Activation));

        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var y = layer.Biased(layer.Product(x, pass.Mode));
            var input = config.Parallel ? x : y;
            input = Dropout.Of(input, config.Dropout, pass.Mode) ?? input;
            var inner = _activation(nn.functional.linear(input, down)); // [.., size]
            return y.Plus(nn.functional.linear(inner, up) * Number(config.Scale));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new Text.InputException(
            $"Bottleneck adapters have a non-linearity, which the weight of {layer.Name} cannot represent: " +
            "they cannot be merged. Use them with --adapter.");
    }
}
