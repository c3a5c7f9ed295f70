using System.Text.Json.Nodes;
using AlpacaCot.Models.Modules;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>What PEFT's OFT configurations say.</summary>
public sealed record OftConfig : AdapterConfig
{
    /// <inheritdoc/>
    public override string PeftType => "OFT";

    /// <summary><c>oft_block_size</c>: the width of one rotation; 0 where <see cref="Blocks"/> is given.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary><c>r</c>: rotations a layer; 0 where <see cref="BlockSize"/> is given.</summary>
    public int Blocks { get; init; }

    /// <summary><c>block_share</c>: one rotation for all blocks of a layer.</summary>
    public bool Shared { get; init; }

    /// <summary><c>use_cayley_neumann</c>: the rotation by a series instead of a solution.</summary>
    public bool Series { get; init; }

    /// <summary><c>num_cayley_neumann_terms</c>: its terms.</summary>
    public int Terms { get; init; } = 5;

    /// <summary><c>bias</c>: which biases of the base are trained too.</summary>
    public string Bias { get; init; } = "none";

    /// <summary>The layers that get rotated inputs.</summary>
    public Targets Targets { get; init; } = new();

    /// <inheritdoc/>
    protected override void Write(SortedDictionary<string, JsonNode?> fields)
    {
        fields["bias"] = Bias;
        fields["block_share"] = Shared;
        fields["coft"] = false;
        fields["init_weights"] = true;
        fields["num_cayley_neumann_terms"] = Terms;
        fields["oft_block_size"] = BlockSize;
        fields["r"] = Blocks;
        Targets.Write(fields);
        fields["use_cayley_neumann"] = Series;
    }
}

/// <summary>
/// OFT (Qiu et al., 2023): the weight is turned, not added to: <c>y = (x R) Wᵀ</c> with R orthogonal, block by block, from a
/// skew-symmetric matrix Q by Cayley's transform, <c>R = (I - Q)(I + Q)⁻¹</c>. Q starts at zero.
/// </summary>
public sealed class Oft : IAdapterMethod
{
    /// <inheritdoc/>
    public string PeftType => "OFT";

    /// <inheritdoc/>
    public AdapterConfig Read(PeftFields fields)
    {
        fields.Refuse(new HashSet<string> { "coft" });
        return new OftConfig
        {
            BlockSize = fields.Whole("oft_block_size", 0) ?? 32, Blocks = fields.Whole("r", 0) ?? 0,
            Shared = fields.Flag("block_share"), Series = fields.Flag("use_cayley_neumann", true),
            Terms = fields.Whole("num_cayley_neumann_terms", 1) ?? 5, Bias = fields.Choice("bias", "none", "all", "oft_only"),
            Targets = Targets.Read(fields),
        };
    }

    /// <inheritdoc/>
    public void Attach(AdapterConfig config, AdapterParts parts)
    {
        var own = (OftConfig)config;
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

    private static void On(OftConfig config, Linear layer, AdapterParts parts)
    {
        var size = config.BlockSize > 0 ? config.BlockSize : layer.Inputs / Math.Max(1, config.Blocks);
        if (size < 2 || layer.Inputs % size != 0)
            throw new Text.InputException($"{layer.Name} has {layer.Inputs} inputs, which do not fall into blocks of {size}; " +
                $"choose a divisor of {layer.Inputs} as block size.");
        var name = $"{layer.Name}.oft_R.weight";
        long[] shape = [config.Shared ? 1 : layer.Inputs / size, size * (size - 1) / 2];
        var skew = parts.Train(name, shape, () => parts.Zeros(shape));
        parts.On(layer, new Piece(config, skew, size));
    }

    private sealed class Piece(OftConfig config, Tensor skew, long size) : ILinearAdapter
    {
        public Tensor Forward(Linear layer, Tensor x, Pass pass) =>
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
