using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The settings of OFT.</summary>
public sealed record OftConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Oft.Method;

    /// <summary>
    /// <c>oft_block_size</c>: the width of one rotation; 0 where <see cref="Blocks"/> is given, and in a recipe that leaves it to
    /// the model.
    /// </summary>
    public int BlockSize { get; init; } = 32;

    /// <summary><c>r</c>: rotations a layer; 0 where <see cref="BlockSize"/> is given.</summary>
    public int Blocks { get; init; }

    /// <summary><c>block_share</c>: one rotation for all blocks of a layer.</summary>
    public bool Shared { get; init; }

    /// <summary><c>use_cayley_neumann</c>: the rotation by a series instead of a solution.</summary>
    public bool Series { get; init; }

    /// <summary><c>num_cayley_neumann_terms</c>: its terms.</summary>
    public int Terms { get; init; } = 5;

    /// <summary><c>bias</c>: biases of the base that are trained too.</summary>
    public BiasTraining Bias { get; init; }
}

/// <summary>
/// OFT (Qiu et al., 2023): the weight is turned, not added to: <c>y = (x R) Wᵀ</c> with R orthogonal, block by block, from a
/// skew-symmetric matrix Q by Cayley's transform, <c>R = (I - Q)(I + Q)⁻¹</c>. Q starts at zero.
/// </summary>
public static class Oft
{
    /// <summary>The declaration of the method.</summary>
    public static AdapterMethod<OftConfig> Method { get; } = new("OFT")
    {
        Presets = [new("oft", new() { BlockSize = 0 })],
        Settings =
        [
            SharedSettings.Targets<OftConfig>(),
            SharedSettings.Layers<OftConfig>(),
            SharedSettings.Modules<OftConfig>(),
            SharedSettings.Bias<OftConfig>("oft_only", c => c.Bias, (c, v) => c with { Bias = v }),
            new(Key<OftConfig>.Whole("block_size", 2, "width of one rotation of OFT; a divisor of the layers' inputs",
                    c => c.BlockSize == 0 ? null : c.BlockSize, (c, v) => c with { BlockSize = v }),
                PeftField<OftConfig>.Whole("oft_block_size", 0, c => c.BlockSize, (c, v) => c with { BlockSize = v })),
            PeftField<OftConfig>.Whole("r", 0, c => c.Blocks, (c, v) => c with { Blocks = v }),
            PeftField<OftConfig>.Flag("block_share", c => c.Shared, (c, v) => c with { Shared = v }),
            PeftField<OftConfig>.Flag("use_cayley_neumann", c => c.Series, (c, v) => c with { Series = v }),
            PeftField<OftConfig>.Whole("num_cayley_neumann_terms", 1, c => c.Terms, (c, v) => c with { Terms = v }),
            PeftField<OftConfig>.Constant("coft", false),
            PeftField<OftConfig>.Constant("init_weights", true),
        ],
        DefaultTargets = FamilyTargets.LowRank,
        OnAttach = Attach,
        OnComplete = (config, setup) => config.BlockSize > 0 ? config
            : config with { BlockSize = LargestBlock(config.Targets.Linears(setup.Model)) },
        Absent = new() { Series = true },
        Unsupported = new HashSet<string> { "coft" },
    };

    private static void Attach(OftConfig own, AdapterBuilder parts)
    {
        var layers = own.Targets.Linears(parts.Model);
        foreach (var layer in layers) On(own, layer, parts);
        Biases.Train(own.Bias, [.. layers.Select(l => l.Name)], parts);
    }

    /// <summary>The largest power of two up to 32 that divides the inputs of all layers.</summary>
    public static int LargestBlock(IReadOnlyList<Linear> layers)
    {
        var size = 32;
        while (size > 2 && layers.Any(l => l.Inputs % size != 0)) size /= 2;
        return size;
    }

    private static void On(OftConfig config, Linear layer, AdapterBuilder parts)
    {
        var size = config.BlockSize > 0 ? config.BlockSize : layer.Inputs / Math.Max(1, config.Blocks);
        if (size < 2 || layer.Inputs % size != 0)
            throw new Text.InputException($"{layer.Name} has {layer.Inputs} inputs, which do not fall into blocks of {size}; " +
                $"choose a divisor of {layer.Inputs} as block size.");
        var name = $"{layer.Name}.oft_R.weight";
        long[] shape = [config.Shared ? 1 : layer.Inputs / size, size * (size - 1) / 2];
        var skew = parts.Train(name, shape, () => parts.Zeros(shape));
        parts.Adapt(layer, new RotatedLinear(config, skew, size));
    }

    private sealed class RotatedLinear(OftConfig config, Tensor skew, long size) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) =>
            layer.Biased(layer.Product(Turned(x, Rotations()), pass.Mode));

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (Turned(layer.Values(), Rotations().transpose(1, 2)), layer.Bias);

        // Each block of columns times its rotation; the blocks are the batch, or each row would have a copy of every rotation.
        private Tensor Turned(Tensor x, Tensor rotations) =>
            x.reshape(-1, x.shape[^1] / size, size).transpose(0, 1).matmul(rotations).transpose(0, 1).reshape(x.shape);

        // [blocks, size, size]
        private Tensor Rotations()
        {
            var upper = Tensors.UpperTriangle(size, skew.device);
            var places = (upper[0] * Number(size)).Plus(upper[1]); // of the upper triangle in a flat matrix
            var flat = Tensors.Zeros([skew.shape[0], size * size], skew.dtype, skew.device);
            var half = flat.index_add(1, places, skew, Number(1)).view(-1, size, size);
            var q = half - half.transpose(1, 2);
            var identity = Tensors.Identity(size, size, skew.dtype, skew.device).unsqueeze(0).expand_as(q);
            if (!config.Series)
                return linalg.solve(identity.Plus(q).transpose(1, 2), (identity - q).transpose(1, 2)).transpose(1, 2);
            var sum = identity;
            var power = identity;
            for (var term = 1; term < config.Terms; term++)
            {
                power = power.matmul(q);
                sum = sum.Plus(power * Number(term == config.Terms - 1 && term > 1 ? 1 : 2));
            }
            return sum;
        }
    }
}
