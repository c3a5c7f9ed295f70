using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>
/// Attention with linear biases (Press et al., 2022) in place of positions: a head's logits fall by its slope for every token
/// between query and key.
/// </summary>
/// <param name="heads">The number of heads.</param>
/// <param name="scale">A factor on all slopes.</param>
public sealed class Alibi(int heads, double scale = 1)
{
    /// <summary>The slope of each head.</summary>
    public float[] OfHeads { get; } = [.. Slopes(heads).Select(slope => (float)(slope * scale))];

    /// <summary>
    /// The powers of <c>2^(-8/n)</c> for n heads; where n is no power of 2, those of the next lower one and values between.
    /// </summary>
    public static float[] Slopes(int heads)
    {
        var power = 1 << (int)Math.Log2(heads);
        return [.. Enumerable.Range(0, heads).Select(h =>
            (float)Math.Pow(2, h < power ? -8.0 * (h + 1) / power : -4.0 * (2 * (h - power) + 1) / power))];
    }

    /// <summary>What is added to the attention logits: <c>slope · (j - i)</c>, <c>[1, heads, s, t]</c>.</summary>
    /// <param name="start">The first query's place.</param>
    /// <param name="length">Queries, s.</param>
    public Tensor Bias(long start, long length)
    {
        var slopes = tensor(OfHeads).view(1, heads, 1, 1);
        var keys = arange(start + length, dtype: ScalarType.Float32);
        var queries = arange(start, start + length, dtype: ScalarType.Float32).unsqueeze(1);
        return slopes * (keys - queries);
    }
}
