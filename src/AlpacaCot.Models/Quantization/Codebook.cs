using System.Collections.Concurrent;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Quantization;

/// <summary>
/// The values that codes stand for, and the way back: the code whose value is nearest, the lower one in the middle between two.
/// </summary>
public sealed class Codebook
{
    private readonly byte[] _codes; // in the order of their values
    private readonly ConcurrentDictionary<string, Tensor> _onDevices = [];

    /// <param name="values">The value of each code.</param>
    public Codebook(params float[] values)
    {
        Values = values;
        _codes = [.. values.Index().OrderBy(v => v.Item).ThenBy(v => v.Index).Select(v => (byte)v.Index)];
        Boundaries = [.. _codes.Zip(_codes.Skip(1), (low, high) => (values[low] + values[high]) / 2)];
        HalfByteCodes = _codes.Length == 16 ? _codes : [];
    }

    /// <summary>NormalFloat: quantiles of the normal distribution, scaled to [-1, 1], zero exact (QLoRA, appendix E).</summary>
    public static Codebook Nf4 { get; } = new(-1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
        -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
        0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f);

    /// <summary>Floating point of four bits, scaled to [-1, 1]: a sign, then 0, 1/192, 2/3, 1, 1/3, 1/2, 1/6, 1/4.</summary>
    public static Codebook Fp4 { get; } = new(0.0f, 0.0052083334885537624f, 0.6666666865348816f, 1.0f, 0.3333333432674408f, 0.5f,
        0.1666666716337204f, 0.25f, 0.0f, -0.0052083334885537624f, -0.6666666865348816f, -1.0f, -0.3333333432674408f, -0.5f,
        -0.1666666716337204f, -0.25f);

    /// <summary>The dynamic tree (Dettmers, 2016) of eight bits in [-1, 1]: finer towards zero.</summary>
    public static Codebook DynamicSigned { get; } = Dynamic(signed: true);

    /// <summary>The same for values in [0, 1].</summary>
    public static Codebook DynamicUnsigned { get; } = Dynamic(signed: false);

    /// <summary>The value of each code.</summary>
    public float[] Values { get; }

    /// <summary>The middles between neighbouring values: as many lie below a number as its value has predecessors.</summary>
    internal float[] Boundaries { get; }

    /// <summary>The codes of 16 values in rising order.</summary>
    internal byte[] HalfByteCodes { get; }

    /// <summary>The values on a device; kept for the life of the program.</summary>
    public Tensor On(Device device) =>
        _onDevices.GetOrAdd($"values {device}", _ => Tensors.Of(Values, device).DetachFromDisposeScope());

    /// <summary>The middles between neighbouring values on a device, as <see cref="On"/>.</summary>
    public Tensor BoundariesOn(Device device) =>
        _onDevices.GetOrAdd($"boundaries {device}", _ => Tensors.Of(Boundaries, device).DetachFromDisposeScope());

    /// <summary>The codes in the order of their values, on a device, as <see cref="On"/>.</summary>
    public Tensor CodesOn(Device device) =>
        _onDevices.GetOrAdd($"codes {device}", _ => Tensors.Of(_codes, device).DetachFromDisposeScope());

    /// <summary>Of 16 values: those of a byte's two codes, the high half's first, <c>[256, 2]</c>, as <see cref="On"/>.</summary>
    internal Tensor PairsOn(Device device) => _onDevices.GetOrAdd($"pairs {device}", _ => Tensors.Of(
        [.. Enumerable.Range(0, 256).SelectMany(b => new[] { Values[b >> 4], Values[b & 15] })], [256, 2], device)
        .DetachFromDisposeScope());

    /// <summary>The code of the nearest value.</summary>
    public byte Nearest(float number)
    {
        var (low, high) = (0, Boundaries.Length); // of the boundaries below the number
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (number > Boundaries[middle]) low = middle + 1;
            else high = middle;
        }
        return _codes[low];
    }

    // Seven decades; each has twice as many values as the one below, in the middles of equal parts of [0.1, 1].
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

    // Counted from the nearer end, in one rounding, as libtorch's linspace.
    private static float Edge(int i, int parts)
    {
        var step = (1 - 0.1f) / parts;
        return i < (parts + 1) / 2 ? MathF.FusedMultiplyAdd(step, i, 0.1f) : MathF.FusedMultiplyAdd(-step, parts - i, 1);
    }
}
