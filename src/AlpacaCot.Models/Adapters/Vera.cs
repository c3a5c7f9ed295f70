using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of VeRA.</summary>
public sealed record VeraConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Vera.Method;

    /// <summary><c>r</c>: the rank of the shared matrices.</summary>
    public int Rank { get; init; } = 256;

    /// <summary><c>vera_dropout</c>: dropout probability on the adapter's input, in training only.</summary>
    public double Dropout { get; init; }

    /// <summary><c>d_initial</c>: the initial value of d.</summary>
    public double Initial { get; init; } = 0.1;

    /// <summary><c>projection_prng_key</c>: the seed of the shared matrices.</summary>
    public int Seed { get; init; }

    /// <summary><c>save_projection</c>: whether the shared matrices are saved with the adapter.</summary>
    public bool SaveProjection { get; init; } = true;

    /// <summary><c>bias</c>: base-model biases that are trained with the adapter.</summary>
    public BiasTraining Bias { get; init; }

    internal override string FileName(string name) =>
        name.StartsWith("vera_", StringComparison.Ordinal) ? "base_model." + name : base.FileName(name);
}

/// <summary>
/// VeRA (Kopiczko et al., 2024): all layers share two frozen random matrices, and each layer learns two vectors that scale them,
/// <c>y = x Wᵀ + b ∘ (d ∘ (x Aᵀ)) Bᵀ</c>. A layer uses the first columns of A and the first rows of B.
/// </summary>
public static class Vera
{
    /// <summary>The registered declaration of the method.</summary>
    public static AdapterMethod<VeraConfig> Method { get; } = new("VERA")
    {
        Presets = [new("vera", new())],
        Settings =
        [
            Setting<VeraConfig>.Whole("rank", "r", 1, "rank of the update", c => c.Rank, (c, v) => c with { Rank = v }),
            Setting<VeraConfig>.Probability("dropout", "vera_dropout", "share of the adapter's inputs dropped in training",
                c => c.Dropout, (c, v) => c with { Dropout = v }),
            SharedSettings.Targets<VeraConfig>(),
            SharedSettings.Layers<VeraConfig>(),
            SharedSettings.Modules<VeraConfig>(),
            SharedSettings.Bias<VeraConfig>("vera_only", c => c.Bias, (c, v) => c with { Bias = v }),
            PeftField<VeraConfig>.Number("d_initial", double.MinValue, double.MaxValue,
                c => c.Initial, (c, v) => c with { Initial = v }),
            PeftField<VeraConfig>.Whole("projection_prng_key", 0, c => c.Seed, (c, v) => c with { Seed = v }),
            PeftField<VeraConfig>.Flag("save_projection", c => c.SaveProjection, (c, v) => c with { SaveProjection = v }),
            PeftField<VeraConfig>.Constant("init_weights", true),
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
        OnComplete = (config, setup) => config with { Seed = setup.Seed },
    };

    private static void Attach(VeraConfig config, AdapterBuilder builder)
    {
        var layers = config.Targets.Linears(builder.Model);
        var (inputs, outputs) = (layers.Max(l => l.Inputs), layers.Max(l => l.Outputs));
        var generator = builder.Weights.AreShapes ? null : new Generator((ulong)config.Seed);
        // The order matters: one generator produces both, as in PEFT.
        var a = Shared("vera_A", config.Rank, inputs);
        var b = Shared("vera_B", outputs, config.Rank);
        foreach (var layer in layers)
        {
            var scaleB = builder.Train($"{layer.Name}.vera_lambda_b", [layer.Outputs], () => builder.Zeros(layer.Outputs));
            var scaleD = builder.Train($"{layer.Name}.vera_lambda_d", [config.Rank],
                () => Tensors.Full([config.Rank], config.Initial, ScalarType.Float32, CPU));
            builder.Adapt(layer, new AdaptedLinear(a, b, scaleD, scaleB, config.Dropout));
        }
        Biases.Train(config.Bias, [.. layers.Select(l => l.Name)], builder);

        Tensor Shared(string name, long rows, long columns)
        {
            if (builder.Weights.AreShapes) return builder.Own(Tensors.Empty([rows, columns], ScalarType.Float32, META));
            if (builder.Weights.Contains(name) || config.SaveProjection && !builder.Weights.AreSaved)
                return builder.AddConstant(name, [rows, columns], () => Kaiming(generator!, rows, columns));
            return builder.Own(Tensors.On(Kaiming(generator!, rows, columns), builder.Model.Compute.Device));
        }
    }

    private static Tensor Kaiming(Generator generator, long rows, long columns)
    {
        var bound = Math.Sqrt(6.0 / columns);
        return Tensors.Empty([rows, columns], ScalarType.Float32, CPU).uniform_(-bound, bound, generator);
    }

    private sealed class AdaptedLinear(Tensor a, Tensor b, Tensor scaleD, Tensor scaleB, double dropout) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass)
        {
            var input = Dropout.Of(x, dropout, pass.Mode) ?? x;
            var low = nn.functional.linear(input, a.narrow(1, 0, layer.Inputs)) * scaleD; // [.., rank]
            var added = nn.functional.linear(low, b.narrow(0, 0, layer.Outputs)) * scaleB;
            return layer.Biased(layer.Product(x, pass.Mode).Plus(added));
        }

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer)
        {
            var left = b.narrow(0, 0, layer.Outputs) * scaleB.unsqueeze(1);
            var right = a.narrow(1, 0, layer.Inputs) * scaleD.unsqueeze(1);
            return (layer.Values().Plus(left.matmul(right)), layer.Bias);
        }
    }
}
