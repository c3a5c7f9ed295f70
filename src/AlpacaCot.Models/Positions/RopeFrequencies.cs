namespace AlpacaCot.Models.Positions;

/// <summary>
/// The frequencies of rotary position embeddings: entry i is the angle, in radians per position, by which
/// pair i of d/2 pairs of dimensions is rotated.
/// </summary>
internal static class RopeFrequencies
{
    /// <summary>base^(-2i/d) (Su et al., 2021).</summary>
    /// <param name="dimension">d, the number of rotated dimensions of a head.</param>
    /// <param name="theta">The base.</param>
    public static double[] Plain(int dimension, double theta)
    {
        var frequencies = new double[dimension / 2];
        for (var i = 0; i < frequencies.Length; i++) frequencies[i] = Math.Pow(theta, -2.0 * i / dimension);
        return frequencies;
    }

    /// <summary>
    /// LLaMA 3.1's rule: frequencies with fewer than <paramref name="low"/> rotations over the original context are divided by
    /// the factor, those with more than <paramref name="high"/> are kept, and between the two the rule interpolates linearly.
    /// </summary>
    /// <param name="plain">The frequencies without scaling; changed in place and returned.</param>
    /// <param name="factor">The extension factor of the context.</param>
    /// <param name="originalLength">The context length before the scaling, in tokens.</param>
    /// <param name="low">Rotations over the original context below which the factor applies fully.</param>
    /// <param name="high">Rotations over the original context above which frequencies are kept.</param>
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
