using AlpacaCot.Data;
using AlpacaCot.Models.Kernels;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>How rotary frequencies are stretched beyond the trained length; the names are those of Hugging Face configs.</summary>
public sealed record RopeScaling
{
    /// <summary><c>default</c>, <c>linear</c>, <c>dynamic</c>, <c>yarn</c> or <c>llama3</c>.</summary>
    public string Type { get; init; } = "default";

    /// <summary>How many times longer the context becomes.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The context length that the model was trained with before the scaling.</summary>
    public long OriginalLength { get; init; }

    /// <summary>llama3: wavelengths longer than original/this are scaled in full.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: wavelengths shorter than original/this are left alone.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn: rotations over the original length above which a dimension is left alone.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: rotations over the original length below which a dimension is scaled in full.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: the factor on cos and sin; by default 0.1 ln(factor) + 1.</summary>
    public double? AttentionFactor { get; init; }
}

/// <summary>
/// Rotary position embedding (Su et al., 2021) in the half-split layout of Hugging Face: dimension i turns together with
/// i + d/2. Tables of cos and sin are kept for the positions seen so far.
/// </summary>
public sealed class Rope : IDisposable
{
    private readonly int dimension;
    private readonly double theta;
    private readonly RopeScaling scaling;
    private readonly float attentionFactor;
    private Tensor? cos, sin; // [positions, d]
    private long tableLength, frequencyLength;

    /// <summary>Rotary embedding over <paramref name="dimension"/> dimensions of a head with base <paramref name="theta"/>.</summary>
    /// <exception cref="InputException">The scaling type is unknown.</exception>
    public Rope(int dimension, double theta, RopeScaling scaling)
    {
        if (scaling.Type is not ("default" or "linear" or "dynamic" or "yarn" or "llama3"))
            throw new InputException($"rope scaling type '{scaling.Type}' is unknown; default, linear, dynamic, yarn and llama3 are supported.");
        (this.dimension, this.theta, this.scaling) = (dimension, theta, scaling);
        attentionFactor = scaling.Type == "yarn"
            ? (float)(scaling.AttentionFactor ?? (scaling.Factor <= 1 ? 1 : 0.1 * Math.Log(scaling.Factor) + 1)) : 1f;
    }

    /// <summary>Splits a projection into heads and turns them to their positions.</summary>
    /// <param name="x"><c>[b, s, heads · d]</c></param>
    /// <param name="turns">From <c>Tables</c>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <returns><c>[b, heads, s, d]</c></returns>
    public static Tensor Rotate(Tensor x, (Tensor Cos, Tensor Sin) turns, int heads) => RopeKernel.Apply(x, turns.Cos, turns.Sin, heads);

    /// <summary>cos and sin for positions <paramref name="start"/> .. start + length - 1, each <c>[length, d]</c>.</summary>
    public (Tensor Cos, Tensor Sin) Tables(long start, long length)
    {
        Ensure(start + length);
        return (cos!.narrow(0, start, length), sin!.narrow(0, start, length));
    }

    /// <summary>cos and sin at given positions <c>[b, s]</c> below <paramref name="limit"/>, each <c>[b, 1, s, d]</c>.</summary>
    public (Tensor Cos, Tensor Sin) Tables(Tensor positions, long limit)
    {
        Ensure(limit);
        var (b, s) = (positions.shape[0], positions.shape[1]);
        var flat = positions.flatten();
        return (cos!.index_select(0, flat).view(b, 1, s, dimension), sin!.index_select(0, flat).view(b, 1, s, dimension));
    }

    /// <summary>The angle per position of each pair of dimensions, for a sequence of this length: <c>d/2</c> values.</summary>
    public float[] InverseFrequencies(long length)
    {
        var pairs = dimension / 2;
        var inverse = new double[pairs];
        var stretched = theta;
        if (scaling.Type == "dynamic" && length > scaling.OriginalLength) // the base grows with the length ("NTK-aware")
            stretched *= Math.Pow(scaling.Factor * length / scaling.OriginalLength - (scaling.Factor - 1), dimension / (dimension - 2.0));
        for (var i = 0; i < pairs; i++) inverse[i] = Math.Pow(stretched, -2.0 * i / dimension);

        switch (scaling.Type)
        {
            case "linear":
                for (var i = 0; i < pairs; i++) inverse[i] /= scaling.Factor;
                break;
            case "llama3":
                for (var i = 0; i < pairs; i++)
                {
                    var rotations = scaling.OriginalLength * inverse[i] / (2 * Math.PI); // over the original context
                    var keep = (rotations - scaling.LowFrequencyFactor) / (scaling.HighFrequencyFactor - scaling.LowFrequencyFactor);
                    keep = Math.Clamp(keep, 0, 1);
                    inverse[i] *= keep + (1 - keep) / scaling.Factor;
                }
                break;
            case "yarn":
                double Bound(double rotations) =>
                    dimension * Math.Log(scaling.OriginalLength / (rotations * 2 * Math.PI)) / (2 * Math.Log(theta));
                var low = Math.Max(Math.Floor(Bound(scaling.BetaFast)), 0);
                var high = Math.Min(Math.Ceiling(Bound(scaling.BetaSlow)), dimension - 1);
                if (low == high) high += 0.001;
                for (var i = 0; i < pairs; i++)
                {
                    var scaled = Math.Clamp((i - low) / (high - low), 0, 1);
                    inverse[i] *= scaled / scaling.Factor + (1 - scaled);
                }
                break;
        }
        return Array.ConvertAll(inverse, v => (float)v);
    }

    private void Ensure(long length)
    {
        // Only dynamic scaling looks at the length, and only above the trained one.
        var wanted = scaling.Type == "dynamic" ? Math.Max(length, scaling.OriginalLength) : 0;
        if (length <= tableLength && wanted == frequencyLength) return;
        var positions = Math.Max(length, Math.Min(2 * length, 64));
        var inverse = InverseFrequencies(wanted);
        var (c, s) = (new float[positions * dimension], new float[positions * dimension]);
        for (long p = 0; p < positions; p++)
            for (var i = 0; i < dimension; i++)
            {
                var angle = p * inverse[i % (dimension / 2)];
                c[p * dimension + i] = MathF.Cos(angle) * attentionFactor;
                s[p * dimension + i] = MathF.Sin(angle) * attentionFactor;
            }
        Dispose();
        cos = tensor(c, [positions, dimension]).DetachFromDisposeScope();
        sin = tensor(s, [positions, dimension]).DetachFromDisposeScope();
        (tableLength, frequencyLength) = (positions, wanted);
    }

    /// <summary>Frees the tables.</summary>
    public void Dispose()
    {
        cos?.Dispose();
        sin?.Dispose();
    }
}
