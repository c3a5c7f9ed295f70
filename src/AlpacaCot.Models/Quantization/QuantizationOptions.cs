using AlpacaCot.Text;

namespace AlpacaCot.Models.Quantization;

/// <summary>The storage formats of quantized matrices.</summary>
public enum QuantizationType
{
    /// <summary>One byte for each weight, scaled by the row's largest magnitude (Dettmers et al., 2022: LLM.int8()).</summary>
    Int8,

    /// <summary>Four bits for each weight, with values at the quantiles of a normal distribution (Dettmers et al., 2023:
    /// QLoRA).</summary>
    Nf4,

    /// <summary>Four bits for each weight: a floating-point number of one sign, two exponent and one mantissa bits.</summary>
    Fp4,
}

/// <summary>The options of quantization.</summary>
/// <param name="Type">The storage format.</param>
public sealed record QuantizationOptions(QuantizationType Type)
{
    /// <summary>The words for <see cref="QuantizationType"/> in recipes and on the command line.</summary>
    public static IReadOnlyList<string> Names { get; } = ["int8", "nf4", "fp4"];

    /// <summary>The number of weights that share a scale in the 4-bit formats.</summary>
    public int BlockSize { get; init; } = 64;

    /// <summary>Whether the scales of the 4-bit formats are quantized too.</summary>
    public bool DoubleQuantization { get; init; } = true;

    /// <summary>The magnitude from which activations are multiplied in full precision in the 8-bit format; 0: none.</summary>
    public float OutlierThreshold { get; init; } = 6;

    /// <summary>
    /// Whether the 8-bit format rounds activations in training too, as bitsandbytes does on a GPU. Otherwise training multiplies
    /// the expanded values, as bitsandbytes does on the CPU.
    /// </summary>
    public bool RoundsInTraining { get; init; }

    /// <summary>Layers that stay unquantized besides the head, by full name or by the last components of the name.</summary>
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

    /// <summary>The size of a quantized matrix in bytes: codes, scales and scales of scales, as
    /// <see cref="WeightMatrix.Bytes"/>.</summary>
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
    /// <param name="weight"><c>[outputs, inputs]</c>, any floating type; not owned.</param>
    public WeightMatrix Quantize(TorchSharp.torch.Tensor weight) => Type == QuantizationType.Int8
        ? Int8Matrix.Quantize(weight, OutlierThreshold, RoundsInTraining)
        : FourBitMatrix.Quantize(weight, Type, BlockSize, DoubleQuantization);
}
