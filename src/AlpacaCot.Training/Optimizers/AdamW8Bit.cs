using AlpacaCot.Models.Quantization;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>
/// AdamW with 8-bit moments and a scale for each block of 256 values (Dettmers et al., 2021: 8-bit optimizers via
/// block-wise quantization); arithmetic and codes are those of bitsandbytes. Tensors below <c>smallest</c> elements keep fp32
/// moments, because they are small and often sensitive.
/// </summary>
/// <param name="parameters">Named fp32 leaf tensors.</param>
/// <param name="options">The hyperparameters.</param>
/// <param name="rateFactor">The learning-rate factor of a parameter by name; null: 1 for all.</param>
/// <param name="smallest">The minimum number of elements of a tensor with 8-bit moments.</param>
public sealed class AdamW8Bit(IEnumerable<KeyValuePair<string, Tensor>> parameters, AdamWOptions options,
    Func<string, double>? rateFactor = null, int smallest = 4096)
    : Optimizer(parameters, rateFactor, (_, weight) => weight.numel() < smallest
        ? new AdamWRule(weight, options) : new AdamW8BitRule(weight, options));

/// <summary>The 8-bit AdamW update of one tensor.</summary>
internal sealed class AdamW8BitRule : UpdateRule
{
    internal const int Block = 256;

    private readonly AdamWOptions _options;
    private readonly Tensor _mean, _square, _meanScales, _squareScales;

    public AdamW8BitRule(Tensor weight, AdamWOptions options)
    {
        this._options = options;
        var blocks = (weight.numel() + Block - 1) / Block;
        _mean = Zeros(weight.shape, weight.device, ScalarType.Byte);
        _square = Zeros(weight.shape, weight.device, ScalarType.Byte);
        (_meanScales, _squareScales) = (Zeros([blocks], weight.device), Zeros([blocks], weight.device));
        _mean.fill_(Number(Codebook.DynamicSigned.Nearest(0)));
        _square.fill_(Number(Codebook.DynamicUnsigned.Nearest(0)));
    }

    public override IReadOnlyList<(string Name, Tensor Tensor)> State =>
        [("mean", _mean), ("square", _square), ("mean_scale", _meanScales), ("square_scale", _squareScales)];

    public override void Update(Tensor weight, Tensor gradient, UpdateStep step)
    {
        var root = Math.Sqrt(1 - Math.Pow(_options.Beta2, step.Number));
        UpdateKernels.For(weight).AdamW8Bit(weight, gradient, new CodedMoment(_mean, _meanScales, Codebook.DynamicSigned),
            new CodedMoment(_square, _squareScales, Codebook.DynamicUnsigned), Block, new AdamWConstants(
                (float)step.Scale, (float)_options.Beta1, (float)(1 - _options.Beta1), (float)_options.Beta2,
                (float)(1 - _options.Beta2), (float)(1 - step.Rate * _options.WeightDecay),
                (float)(-step.Rate * root / (1 - Math.Pow(_options.Beta1, step.Number))), 1, (float)(_options.Epsilon * root)));
    }
}
