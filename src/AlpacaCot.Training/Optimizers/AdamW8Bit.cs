using System.Runtime.CompilerServices;
using AlpacaCot.Models.Quantization;
using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// AdamW whose moments are kept in eight bits, a scale for each block of 256 (Dettmers et al., 2021: 8-bit optimizers via
/// block-wise quantization); arithmetic and codes are those of bitsandbytes. Tensors below <c>smallest</c> elements keep fp32
/// moments, as they are few bytes and often sensitive.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="options">The constants.</param>
/// <param name="rateFactor">The factor on the learning rate of a name; null: one for all.</param>
/// <param name="smallest">The fewest elements of a tensor with 8-bit moments.</param>
public sealed class AdamW8Bit(IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions options,
    Func<string, double>? rateFactor = null, int smallest = 4096)
    : Optimizer(parameters, rateFactor, (_, weight) => weight.numel() < smallest
        ? new AdamWRule(weight.shape, options) : new AdamW8BitRule(weight, options));

/// <summary>8-bit AdamW on one tensor.</summary>
internal sealed class AdamW8BitRule : UpdateRule
{
    internal const int Block = 256;

    private readonly AdamWOptions options;
    private readonly Tensor mean, square, meanScales, squareScales;

    public AdamW8BitRule(Tensor weight, AdamWOptions options)
    {
        this.options = options;
        var blocks = (weight.numel() + Block - 1) / Block;
        (mean, square) = (Zeros(weight.shape, ScalarType.Byte), Zeros(weight.shape, ScalarType.Byte));
        (meanScales, squareScales) = (Zeros([blocks]), Zeros([blocks]));
        mean.fill_(Number(Codebook.DynamicSigned.Nearest(0)));
        square.fill_(Number(Codebook.DynamicUnsigned.Nearest(0)));
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State =>
        [("mean", mean), ("square", square), ("mean_scale", meanScales), ("square_scale", squareScales)];

    public override unsafe void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        var root = Math.Sqrt(1 - Math.Pow(options.Beta2, step.Number));
        var constants = new Constants((float)step.Scale, (float)options.Beta1, (float)(1 - options.Beta1), (float)options.Beta2,
            (float)(1 - options.Beta2), (float)(1 - step.Rate * options.WeightDecay),
            (float)(-step.Rate * root / (1 - Math.Pow(options.Beta1, step.Number))), (float)(options.Epsilon * root));
        var (count, blocks) = (weight.numel(), (int)meanScales.numel());
        var (w, g) = ((nint)TensorMemory.Floats(weight), (nint)TensorMemory.Floats(gradient));
        var (m, v) = ((nint)TensorMemory.Bytes(mean), (nint)TensorMemory.Bytes(square));
        var (ms, vs) = ((nint)TensorMemory.Floats(meanScales), (nint)TensorMemory.Floats(squareScales));
        Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = get_num_threads() }, b =>
        {
            var at = (long)b * Block;
            UpdateBlock((float*)w + at, (float*)g + at, (byte*)m + at, (byte*)v + at, (float*)ms + b, (float*)vs + b,
                (int)Math.Min(Block, count - at), constants);
        });
    }

    private readonly record struct Constants(
        float Scale, float Beta1, float Rest1, float Beta2, float Rest2, float Decay, float Rate, float Epsilon);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void UpdateBlock(float* weight, float* gradient, byte* mean, byte* square, float* meanScale,
        float* squareScale, int count, Constants c)
    {
        var means = stackalloc float[Block];
        var squares = stackalloc float[Block];
        var (signed, unsigned) = (Codebook.DynamicSigned.Values, Codebook.DynamicUnsigned.Values);
        for (var i = 0; i < count; i++)
        {
            var g = gradient[i] * c.Scale;
            means[i] = signed[mean[i]] * *meanScale * c.Beta1 + c.Rest1 * g;
            squares[i] = unsigned[square[i]] * *squareScale * c.Beta2 + c.Rest2 * (g * g);
            weight[i] = weight[i] * c.Decay + c.Rate * (means[i] / (MathF.Sqrt(squares[i]) + c.Epsilon));
        }
        BlockQuantizer.QuantizeBlock(means, count, Codebook.DynamicSigned, mean, meanScale);
        BlockQuantizer.QuantizeBlock(squares, count, Codebook.DynamicUnsigned, square, squareScale);
    }
}
