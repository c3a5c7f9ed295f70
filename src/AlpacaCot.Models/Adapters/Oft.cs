using AlpacaCot.Configuration;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>The configuration of OFT.</summary>
public sealed record OftConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override AdapterMethod Method => Oft.Method;

    /// <summary>
    /// <c>oft_block_size</c>: the width of one rotation; 0 if <see cref="Blocks"/> is set, or if a recipe leaves it to the model.
    /// </summary>
    public int BlockSize { get; init; } = 32;

    /// <summary><c>r</c>: rotations per layer; 0 if <see cref="BlockSize"/> is set.</summary>
    public int Blocks { get; init; }

    /// <summary><c>block_share</c>: all blocks of a layer share one rotation.</summary>
    public bool Shared { get; init; }

    /// <summary><c>use_cayley_neumann</c>: a Neumann series replaces the linear solve of Cayley's transform.</summary>
    public bool Series { get; init; }

    /// <summary><c>num_cayley_neumann_terms</c>: the number of terms of the series.</summary>
    public int Terms { get; init; } = 5;

    /// <summary><c>bias</c>: base-model biases that are trained with the adapter.</summary>
    public BiasTraining Bias { get; init; }
}

/// <summary>
/// OFT (Qiu et al., 2023): the weight is rotated rather than added to, <c>y = (x R) Wᵀ</c>. R is orthogonal and block-diagonal,
/// computed from a skew-symmetric matrix Q by Cayley's transform, <c>R = (I - Q)(I + Q)⁻¹</c>. Q is initialized to zero.
/// </summary>
public static class Oft
{
    /// <summary>The registered declaration of the method.</summary>
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

    private static void Attach(OftConfig config, AdapterBuilder builder)
    {
        var layers = config.Targets.Linears(builder.Model);
        foreach (var layer in layers) On(config, layer, builder);
        Biases.Train(config.Bias, [.. layers.Select(l => l.Name)], builder);
    }

    /// <summary>The largest power of two up to 32 that divides the inputs of all layers.</summary>
    public static int LargestBlock(IReadOnlyList<Linear> layers)
    {
        var size = 32;
        while (size > 2 && layers.Any(l => l.Inputs % size != 0)) size /= 2;
        return size;
    }

    private static void On(OftConfig config, Linear layer, AdapterBuilder builder)
    {
        var size = config.BlockSize > 0 ? config.BlockSize : layer.Inputs / Math.Max(1, config.Blocks);
        if (size < 2 || layer.Inputs % size != 0)
            throw new Text.InputException(
                $"{layer.Name} has {layer.Inputs} inputs, which is not a multiple of the block size {size}; " +
                $"choose a divisor of {layer.Inputs} as block size.");
        var name = $"{layer.Name}.oft_R.weight";
        long[] shape = [config.Shared ? 1 : layer.Inputs / size, size * (size - 1) / 2];
        var skew = builder.Train(name, shape, () => builder.Zeros(shape));
        builder.Adapt(layer, new RotatedLinear(config, skew, size));
    }

    private sealed class RotatedLinear(OftConfig config, Tensor skew, long size) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, ForwardPass pass) =>
            layer.Biased(layer.Product(Rotate(x, Rotations()), pass.Mode));

        public (Tensor Weight, Tensor? Bias) Merged(Linear layer) =>
            (Rotate(layer.Values(), Rotations().transpose(1, 2)), layer.Bias);

        // Multiplies each block of columns by its rotation. The blocks are the batch dimension: otherwise each row would need a
        // copy of every rotation.
        private Tensor Rotate(Tensor x, Tensor rotations) =>
            x.reshape(-1, x.shape[^1] / size, size).transpose(0, 1).matmul(rotations).transpose(0, 1).reshape(x.shape);

        // [blocks, size, size]
        private Tensor Rotations()
        {
            var upper = Tensors.UpperTriangle(size, skew.device);
            var indices = (upper[0] * Number(size)).Plus(upper[1]); // flat indices of the upper triangle
            var flat = Tensors.Zeros([skew.shape[0], size * size], skew.dtype, skew.device);
            var half = flat.index_add(1, indices, skew, Number(1)).view(-1, size, size);
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
