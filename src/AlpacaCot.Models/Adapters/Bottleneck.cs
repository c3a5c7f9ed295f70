using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The settings of bottleneck adapters, saved with the names of LLM-Adapters (Hu et al., 2023); PEFT has none.
/// </summary>
public sealed record BottleneckConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Bottleneck.Method;

    /// <summary><c>bottleneck_size</c>: the width between down and up.</summary>
    public int Size { get; init; } = 256;

    /// <summary><c>non_linearity</c>: the function between down and up.</summary>
    public BottleneckActivation Activation { get; init; }

    /// <summary><c>adapter_dropout</c>: the share of the adapter's inputs that training drops.</summary>
    public double Dropout { get; init; }

    /// <summary><c>scaling</c>: the factor on what the adapter adds.</summary>
    public double Scale { get; init; } = 1;

    /// <summary><c>use_parallel_adapter</c>: it reads what the layer reads, not what the layer gives.</summary>
    public bool Parallel { get; init; }
}

/// <summary>The non-linearities of bottleneck adapters.</summary>
public enum BottleneckActivation
{
    /// <summary>The hyperbolic tangent.</summary>
    Tanh,

    /// <summary>The positive part.</summary>
    Relu,

    /// <summary>x times the normal distribution function of x.</summary>
    Gelu,

    /// <summary>x times the logistic function of x.</summary>
    Silu,
}

/// <summary>
/// Bottleneck adapters: <c>h + s · f(h Downᵀ) Upᵀ</c> behind a sublayer's last projection, after attention and feed-forward
/// (Houlsby et al., 2019) or after the feed-forward alone (Pfeiffer et al., 2021); or beside a layer,
/// <c>x Wᵀ + s · f(x Downᵀ) Upᵀ</c> (He et al., 2022). Up starts at zero.
/// </summary>
public static class Bottleneck
{
    /// <summary>The declaration of the method.</summary>
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

    private static void Attach(BottleneckConfig own, AdapterBuilder parts)
    {
        foreach (var layer in own.Targets.Linears(parts.Model))
        {
            var (name, read) = (layer.Name, own.Parallel ? layer.Inputs : layer.Outputs);
            parts.Adapt(layer, new BottleneckLinear(own,
                parts.Train($"{name}.adapter_down.weight", [own.Size, read],
                    () => parts.Weights.Normal(name, [own.Size, read], 0.02)),
                parts.Train($"{name}.adapter_up.weight", [layer.Outputs, own.Size], () => parts.Zeros(layer.Outputs, own.Size))));
        }
    }

    private sealed class BottleneckLinear(BottleneckConfig config, Tensor down, Tensor up) : ILinearAdapter
    {
        private readonly Func<Tensor, Tensor> _activation = config.Activation == BottleneckActivation.Tanh
            ? x => x.tanh() : Activations.Named(Words<BottleneckActivation>.LowerCase.Of(config.Activation));

        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var y = layer.Biased(layer.Product(x, pass.Mode));
            var read = config.Parallel ? x : y;
            read = Dropout.Of(read, config.Dropout, pass.Mode) ?? read;
            var inner = _activation(nn.functional.linear(read, down)); // [.., size]
            return y.Plus(nn.functional.linear(inner, up) * Number(config.Scale));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) => throw new Text.InputException(
            $"Bottleneck adapters have a non-linearity, which no weight of {layer.Name} can say: they cannot be merged. Use them with --adapter.");
    }
}
