using System.Collections.Concurrent;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// Maps codes to values and back: quantization takes the nearest value, at a midpoint the lower one.
/// </summary>
public sealed class Codebook
{
    private readonly byte[] _codes; // ordered by value
    private readonly ConcurrentDictionary<string, Tensor> _onDevices = [];

    /// <param name="values">The value of each code.</param>
    public Codebook(params float[] values)
    {
        Values = values;
        _codes = [.. values.Index().OrderBy(v => v.Item).ThenBy(v => v.Index).Select(v => (byte)v.Index)];
        Boundaries = [.. _codes.Zip(_codes.Skip(1), (low, high) => (values[low] + values[high]) / 2)];
        HalfByteCodes = _codes.Length == 16 ? _codes : [];
    }

    /// <summary>NormalFloat: quantiles of the normal distribution, scaled to [-1, 1], with an exact zero (QLoRA, appendix
    /// E).</summary>
    public static Codebook Nf4 { get; } = new(-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
        -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
        0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f);

    /// <summary>Floating point of four bits, scaled to [-1, 1]: a sign, then 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4.</summary>
    public static Codebook Fp4 { get; } = new(0.0f, 0.0052083334885537624f, 0.6666666865348816f, 1.0f, 0.3333333432674408f, 0.5f,
        0.1666666716337204f, 0.25f, 0.0f, -0.0052083334885537624f, -0.6666666865348816f, -1.0f, -0.3333333432674408f, -0.5f,
        -0.1666666716337204f, -0.25f);

    /// <summary>The dynamic tree (Dettmers, 2016) of eight bits in [-1, 1]: finer towards zero.</summary>
    public static Codebook DynamicSigned { get; } = Dynamic(signed: true);

    /// <summary>As <see cref="DynamicSigned"/>, for values in [0, 1].</summary>
    public static Codebook DynamicUnsigned { get; } = Dynamic(signed: false);

    /// <summary>The value of each code.</summary>
    public float[] Values { get; }

    /// <summary>The midpoints between adjacent values; the number of midpoints below a number is the rank of its nearest
    /// value.</summary>
    internal float[] Boundaries { get; }

    /// <summary>The codes in ascending order of their values, for codebooks of 16 values; else empty.</summary>
    internal byte[] HalfByteCodes { get; }

    /// <summary>The values on a device; cached until the process ends.</summary>
    public Tensor On(Device device) =>
        _onDevices.GetOrAdd($"values {device}", _ => Tensors.Of(Values, device).DetachFromDisposeScope());

    /// <summary>The midpoints between adjacent values on a device, as <see cref="On"/>.</summary>
    public Tensor BoundariesOn(Device device) =>
        _onDevices.GetOrAdd($"boundaries {device}", _ => Tensors.Of(Boundaries, device).DetachFromDisposeScope());

    /// <summary>The codes ordered by value, on a device, as <see cref="On"/>.</summary>
    public Tensor CodesOn(Device device) =>
        _onDevices.GetOrAdd($"codes {device}", _ => Tensors.Of(_codes, device).DetachFromDisposeScope());

    /// <summary>For codebooks of 16 values: the values of a byte's two codes, high half first, <c>[256, 2]</c>, as
    /// <see cref="On"/>.</summary>
    internal Tensor PairsOn(Device device) => _onDevices.GetOrAdd($"pairs {device}", _ => Tensors.Of(
        [.. Enumerable.Range(0, 256).SelectMany(b => new[] { Values[b >> 4], Values[b & 15] })], [256, 2], device)
        .DetachFromDisposeScope());

    /// <summary>The code of the nearest value.</summary>
    public byte Nearest(float number)
    {
        var (low, high) = (0, Boundaries.Length); // the number of boundaries below the value
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (number > Boundaries[middle]) low = middle + 1;
            else high = middle;
        }
        return _codes[low];
    }

    // Seven decades; each has twice as many values as the one below, the midpoints of equal intervals of [0.1, 1].
    private static Codebook Dynamic(bool signed)
    {
        const int Decades = 7;
        var values = new List<float> { 0, 1 };
        for (var decade = 0; decade < Decades; decade++)
        {
            var parts = signed ? 1 << decade : 2 << decade;
            var edges = Enumerable.Range(0, parts + 1).Select(i => Edge(i, parts)).ToArray();
            var scale = (float)Math.Pow(10, decade + 1 - Decades);
            for (var i = 0; i < parts; i++)
            {
                var middle = (edges[i] + edges[i + 1]) / 2 * scale;
                values.Add(middle);
                if (signed) values.Add(-middle);
            }
        }
        return new Codebook([.. values.Order()]);
    }

    // Computed from the nearer end with one rounding, as in libtorch's linspace.
    private static float Edge(int i, int parts)
    {
        var step = (1 - 0.1f) / parts;
        return i < (parts + 1) / 2 ? MathF.FusedMultiplyAdd(step, i, 0.1f) : MathF.FusedMultiplyAdd(-step, parts - i, 1);
    }
}
