using AlpacaCot.Text;

namespace AlpacaCot.Models.Quantization;

/// <summary>How the matrices of linear layers are kept.</summary>
public enum QuantizationType
{
    /// <summary>One byte a weight, scaled by the largest of its row (Dettmers et al., 2022: LLM.int8()).</summary>
    Int8,

    /// <summary>Four bits a weight, values at the quantiles of a normal distribution (Dettmers et al., 2023: QLoRA).</summary>
    Nf4,

    /// <summary>Four bits a weight: a floating point number of one sign, two exponent and one mantissa bits.</summary>
    Fp4,
}

/// <summary>What is quantized, and how.</summary>
/// <param name="Type">The form.</param>
public sealed record QuantizationOptions(QuantizationType Type)
{
    /// <summary>The words for <see cref="QuantizationType"/> in recipes and on the command line.</summary>
    public static IReadOnlyList<string> Names { get; } = ["int8", "nf4", "fp4"];

    /// <summary>Weights that share a scale, in the 4-bit forms.</summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>Whether the scales of the 4-bit forms are quantized too.</summary>
    public bool DoubleQuantization { get; init; } = true;

    /// <summary>Activations from this size on are multiplied in full precision, in the 8-bit form; 0: none.</summary>
    public float OutlierThreshold { get; init; } = 6;

    /// <summary>
    /// Whether the 8-bit form rounds activations in training too, as bitsandbytes does on a GPU. Otherwise training multiplies the
    /// expanded values, as bitsandbytes does on the CPU.
    /// </summary>
    public bool RoundsInTraining { get; init; }

    /// <summary>Layers left as they are beside the head: their names, or the ends of their names.</summary>
    public IReadOnlyList<string> Skip { get; init; } = [];

    /// <summary>The word for <see cref="Type"/>.</summary>
    public string Name => Names[(int)Type];

    /// <summary>The options for a word; null for <c>none</c>.</summary>
    /// <exception cref="InputException">The word is unknown.</exception>
    public static QuantizationOptions? Parse(string? name) => name is null or "none" ? null
        : Names.Index().FirstOrDefault(n => n.Item == name) is { Item: not null } found
            ? new QuantizationOptions((QuantizationType)found.Index)
            : throw new InputException($"quantization '{name}' is unknown; " + Spelling.Suggestion(name, ["none", .. Names]));

    /// <summary>Whether the layer of this name is quantized.</summary>
    public bool Covers(string layer) =>
        !Skip.Any(skip => layer == skip || layer.EndsWith("." + skip, StringComparison.Ordinal));

    /// <summary>Bytes of a quantized matrix: codes, scales and scales of scales, as <see cref="WeightMatrix.Bytes"/>.</summary>
    public long Bytes(long outputs, long inputs)
    {
        var count = outputs * inputs;
        if (Type == QuantizationType.Int8) return count + 4 * outputs;
        var blocks = (count + BlockSize - 1) / BlockSize;
        var scales = DoubleQuantization
            ? blocks + 4 * ((blocks + FourBitMatrix.NestedBlock - 1) / FourBitMatrix.NestedBlock) : 4 * blocks;
        return (count + 1) / 2 + scales;
    }

    /// <summary>Quantizes a matrix.</summary>
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; stays the caller's.</param>
    public WeightMatrix Quantize(TorchSharp.torch.Tensor weight) => Type == QuantizationType.Int8
        ? Int8Matrix.Quantize(weight, OutlierThreshold, RoundsInTraining)
        : FourBitMatrix.Quantize(weight, Type, BlockSize, DoubleQuantization);
}
