using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Training.Optimizers;

/// <summary>The inner loops of the optimizers in plain operations of libtorch, for any device.</summary>
internal sealed class TorchUpdateKernels : IUpdateKernels
{
    public double SumOfSquares(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().to(ScalarType.Float64).pow(Number(2)).sum().item<double>();
    }

    public void AdamW(Tensor weight, Tensor gradient, Tensor mean, Tensor square, AdamWConstants c)
    {
        var g = gradient * Number(c.Scale);
        mean.mul_(Number(c.Beta1)).add_(g, alpha: Number(c.Rest1));
        square.mul_(Number(c.Beta2)).addcmul_(g, g, Number(c.Rest2));
        var denominator = square.sqrt().mul_(Number(c.InverseRoot2)).add_(Number(c.Epsilon));
        weight.mul_(Number(c.Decay)).sub_((mean / denominator).mul_(Number(c.Rate)));
    }

    public void AdamW8Bit(
        Tensor weight, Tensor gradient, CodedMoment mean, CodedMoment square, int block, AdamWConstants c)
    {
        var g = (gradient * Number(c.Scale)).flatten();
        var means = Values(mean, block).mul_(Number(c.Beta1)).add_(g, alpha: Number(c.Rest1));
        var squares = Values(square, block).mul_(Number(c.Beta2)).addcmul_(g, g, Number(c.Rest2));
        var step = means / squares.sqrt().add_(Number(c.Epsilon));
        weight.mul_(Number(c.Decay)).add_(step.view(weight.shape), alpha: Number(c.Rate));
        Store(mean, means, block);
        Store(square, squares, block);
    }

    public void Lion(Tensor weight, Tensor gradient, Tensor mean, LionConstants c)
    {
        var g = gradient * Number(c.Scale);
        var direction = (mean * Number(c.Beta1)).add_(g, alpha: Number(c.Rest1));
        weight.mul_(Number(c.Decay)).sub_(direction.sign().mul_(Number(c.Rate)));
        mean.mul_(Number(c.Beta2)).add_(g, alpha: Number(c.Rest2));
    }

    private static Tensor Values(CodedMoment moment, int block)
    {
        var codes = moment.Codes.flatten().to(ScalarType.Int64);
        var scales = moment.Scales.repeat_interleave(block).narrow(0, 0, codes.numel());
        return moment.Book.On(codes.device).index_select(0, codes).mul(scales);
    }

    // The number of boundaries below a value is the rank of its nearest value in the codebook.
    private static void Store(CodedMoment moment, Tensor values, int block)
    {
        var (count, blocks) = (values.numel(), moment.Scales.numel());
        var padded = nn.functional.pad(values, [0, blocks * block - count]).view(blocks, block);
        var largest = padded.abs().amax([1L]); // [blocks]
        var inverse = largest.clamp_min(Number(float.Epsilon)).reciprocal().masked_fill(largest.eq(Number(0)), Number(0));
        var scaled = (padded * inverse.unsqueeze(1)).clamp(Number(-1), Number(1)).flatten().narrow(0, 0, count);
        var ranks = bucketize(scaled, moment.Book.BoundariesOn(values.device));
        var codes = moment.Book.CodesOn(values.device).index_select(0, ranks.to(ScalarType.Int64));
        moment.Codes.copy_(codes.view(moment.Codes.shape));
        moment.Scales.copy_(largest);
    }
}
