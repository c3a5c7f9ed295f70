using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

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
    /// <param name="device">Where they are made.</param>
    public Tensor Bias(long start, long length, Device device)
    {
        var slopes = Tensors.Of(OfHeads, [1, heads, 1, 1], device);
        var keys = Range(0, start + length, device, ScalarType.Float32);
        var queries = Range(start, start + length, device, ScalarType.Float32).unsqueeze(1);
        return slopes * (keys - queries);
    }

    /// <summary>The same between places that count real tokens alone, <c>[b, heads, s, t]</c>.</summary>
    /// <param name="present">True for real tokens, <c>[b, t]</c>.</param>
    /// <param name="length">Queries, s: the last ones.</param>
    public Tensor Bias(Tensor present, long length)
    {
        var places = present.to(ScalarType.Float32).cumsum(1).unsqueeze(1).unsqueeze(1); // [b, 1, 1, t]
        var queries = places.narrow(3, places.shape[3] - length, length).transpose(2, 3);
        return Tensors.Of(OfHeads, [1, heads, 1, 1], present.device) * (places - queries);
    }
}
