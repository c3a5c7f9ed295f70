using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of IA3; its targets are the scaled layers.</summary>
public sealed record Ia3Config : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Ia3.Method;

    /// <summary><c>feedforward_modules</c>: the targets whose inputs are scaled instead of their outputs.</summary>
    public Targets FeedForward { get; init; } = new();
}

/// <summary>
/// IA3 (Liu et al., 2022): learned vectors scale keys, values and the inner activations of the feed-forward elementwise. They are
/// initialized to one.
/// </summary>
public static class Ia3
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<Ia3Config> Method { get; } = new("IA3")
    {
        Presets = [new("ia3", new())],
        Settings =
        [
            SharedSettings.Targets<Ia3Config>(),
            SharedSettings.LayersWhereSet<Ia3Config>(),
            SharedSettings.Modules<Ia3Config>(),
            new PeftField<Ia3Config>(ReadFeedForward, (config, fields) => fields["feedforward_modules"] =
                config.FeedForward.Pattern is { } pattern ? pattern : PeftFields.List(config.FeedForward.Modules)),
            PeftField<Ia3Config>.Constant("init_ia3_weights", true),
        ],
        DefaultTargets = FamilyTargets.Scaled,
        OnAttach = Attach,
        OnComplete = (config, setup) => config with
        {
            FeedForward = Targets.Of(FamilyTargets.FeedForwardOutput(setup.Model)),
        },
    };

    private static Ia3Config ReadFeedForward(Ia3Config config, PeftFields fields)
    {
        var (pattern, names) = fields.PatternOrNames("feedforward_modules");
        return config with { FeedForward = new() { Pattern = pattern, Modules = names } };
    }

    private static void Attach(Ia3Config config, AdapterBuilder builder)
    {
        foreach (var layer in config.Targets.Linears(builder.Model))
        {
            var scalesInput = config.FeedForward.Names(layer.Name);
            long[] shape = scalesInput ? [1, layer.Inputs] : [layer.Outputs, 1];
            var scale = builder.Train($"{layer.Name}.ia3_l", shape, () => Tensors.Ones(shape, ScalarType.Float32, CPU));
            builder.Adapt(layer, new ScaledLinear(scale, scalesInput));
        }
    }

    private sealed class ScaledLinear(Tensor scale, bool scalesInput) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) => scalesInput
            ? layer.Biased(layer.Product(x * scale.flatten(), pass.Mode))
            : layer.Biased(layer.Product(x, pass.Mode)) * scale.flatten();

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (layer.Values() * scale, scalesInput || layer.Bias is null ? layer.Bias : layer.Bias * scale.flatten());
    }
}
