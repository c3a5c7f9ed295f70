using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// ALiBi, attention with linear biases (Press et al., 2022), instead of positions: a head's logits decrease by its slope for
/// every token of distance between query and key.
/// </summary>
/// <param name="heads">The number of heads.</param>
/// <param name="scale">A factor on all slopes.</param>
public sealed class Alibi(int heads, double scale = 1)
{
    /// <summary>The slope of each head, <c>[heads]</c>.</summary>
    public float[] OfHeads { get; } = [.. Slopes(heads).Select(slope => (float)(slope * scale))];

    /// <summary>
    /// The powers of <c>2^(-8/n)</c> for n heads. If n is not a power of 2: those of the next lower power of 2, and intermediate
    /// values for the remaining heads.
    /// </summary>
    public static float[] Slopes(int heads)
    {
        var power = 1 << (int)Math.Log2(heads);
        return [.. Enumerable.Range(0, heads).Select(h =>
            (float)Math.Pow(2, h < power ? -8.0 * (h + 1) / power : -4.0 * (2 * (h - power) + 1) / power))];
    }

    /// <summary>The bias on the attention logits, <c>slope · (j - i)</c>, <c>[1, heads, s, t]</c>.</summary>
    /// <param name="start">The position of the first query.</param>
    /// <param name="length">The number of queries, s.</param>
    /// <param name="device">The device of the result.</param>
    public Tensor Bias(long start, long length, Device device)
    {
        var slopes = Tensors.Of(OfHeads, [1, heads, 1, 1], device);
        var keys = Range(0, start + length, device, ScalarType.Float32);
        var queries = Range(start, start + length, device, ScalarType.Float32).unsqueeze(1);
        return slopes * (keys - queries);
    }

    /// <summary>The bias between positions that count real tokens only, <c>[b, heads, s, t]</c>.</summary>
    /// <param name="present">True for real tokens, <c>[b, t]</c>.</param>
    /// <param name="length">The number of queries, s: the last s tokens of each row.</param>
    public Tensor Bias(Tensor present, long length)
    {
        var positions = present.to(ScalarType.Float32).cumsum(1).unsqueeze(1).unsqueeze(1); // [b, 1, 1, t]
        var queries = positions.narrow(3, positions.shape[3] - length, length).transpose(2, 3);
        return Tensors.Of(OfHeads, [1, heads, 1, 1], present.device) * (positions - queries);
    }
}
