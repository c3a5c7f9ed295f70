namespace AlpacaCot.Models.Positions;

/// <summary>
/// The frequencies of rotary positions as numbers, without tensors: entry i is the angle, in radians per position, by which the
/// pair i of d/2 pairs of dimensions turns.
/// </summary>
internal static class RopeFrequencies
{
    /// <summary>base^(-2i/d) (Su et al., 2021).</summary>
    /// <param name="dimension">d, the dimensions of a head that turn.</param>
    /// <param name="theta">The base.</param>
    public static double[] Plain(int dimension, double theta)
    {
        var frequencies = new double[dimension / 2];
        for (var i = 0; i < frequencies.Length; i++) frequencies[i] = Math.Pow(theta, -2.0 * i / dimension);
        return frequencies;
    }

    /// <summary>
    /// LLaMA 3.1's rule: what turns less than <paramref name="low"/> times over the original context is divided by the factor,
    /// what turns more than <paramref name="high"/> times stays, and between the two the share changes linearly.
    /// </summary>
    /// <param name="plain">The frequencies without scaling; changed in place and returned.</param>
    /// <param name="factor">How many times longer the context becomes.</param>
    /// <param name="originalLength">The context length before the scaling, in tokens.</param>
    /// <param name="low">Turns over the original context.</param>
    /// <param name="high">Turns over the original context.</param>
    public static double[] Llama3(double[] plain, double factor, long originalLength, double low, double high)
    {
        for (var i = 0; i < plain.Length; i++)
        {
            var rotations = originalLength * plain[i] / (2 * Math.PI);
            var keep = Math.Clamp((rotations - low) / (high - low), 0, 1);
            plain[i] *= keep + (1 - keep) / factor;
        }
        return plain;
    }
}
