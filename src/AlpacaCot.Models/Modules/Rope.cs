using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Positions;
using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>The scaling of rotary frequencies beyond the trained length; names as in Hugging Face configurations.</summary>
public sealed record RopeScaling
{
    /// <summary>
    /// <c>default</c>, <c>linear</c>, <c>dynamic</c>, <c>yarn</c>, <c>llama3</c>, <c>longrope</c>, or <c>qwen</c>: the dynamic
    /// scaling of Qwen 1.
    /// </summary>
    public string Type { get; init; } = "default";

    /// <summary>The ratio of extended to original context length.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The context length of training before the scaling, in tokens.</summary>
    public long OriginalLength { get; init; }

    /// <summary>llama3: wavelengths longer than original / this are fully scaled.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>llama3: wavelengths shorter than original / this are unchanged.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>yarn: number of rotations over the original length above which a dimension is unchanged.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>yarn: number of rotations over the original length below which a dimension is fully scaled.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>yarn: whether the bounds between unchanged and scaled dimensions are rounded to whole dimensions.</summary>
    public bool Truncates { get; init; } = true;

    /// <summary>yarn, longrope: the factor on cos and sin; null: computed from the factor, for yarn 0.1 ln(factor) + 1.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>longrope: a divisor for each frequency within the original length.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>longrope: a divisor for each frequency beyond the original length.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];
}

/// <summary>The rotary settings of a configuration.</summary>
/// <param name="Theta">The base of the frequencies, θ.</param>
/// <param name="Scaling">The scaling of the frequencies.</param>
/// <param name="Share">The fraction of a head's dimensions that is rotated, starting with the first.</param>
public sealed record RopeSettings(double Theta, RopeScaling Scaling, double Share = 1);

/// <summary>
/// Rotary position embedding (Su et al., 2021). The half-split layout of Hugging Face rotates dimensions i and i + d/2 together,
/// the interleaved layout of the paper dimensions 2i and 2i + 1. Tables of cos and sin are cached for the positions used so far.
/// </summary>
public sealed class Rope : IDisposable
{
    private readonly int _dimension;
    private readonly double _theta;
    private readonly RopeScaling _scaling;
    private readonly float _attentionFactor;
    private readonly Lock _gate = new();
    private Tensor? _cos, _sin; // [positions, d]
    private long _tableLength;
    private (double Base, bool Long) _tableKind;

    /// <summary>Rotary embedding over the first <paramref name="dimension"/> dimensions of a head.</summary>
    /// <exception cref="InputException">The scaling type is unknown, or longrope has the wrong number of factors.</exception>
    public Rope(int dimension, double theta, RopeScaling scaling)
    {
        if (scaling.Type is not ("default" or "linear" or "dynamic" or "yarn" or "llama3" or "longrope" or "qwen"))
            throw new InputException($"rope scaling type '{scaling.Type}' is unknown; default, linear, dynamic, yarn, llama3 " +
                "and longrope are supported.");
        var (inShort, inLong) = (scaling.ShortFactors.Count, scaling.LongFactors.Count);
        if (scaling.Type == "longrope" && (inShort != dimension / 2 || inLong != dimension / 2))
            throw new InputException($"longrope needs short_factor and long_factor with {dimension / 2} values each.");
        if (!(theta > 0) || !double.IsFinite(theta))
            throw new InputException($"the base of the rotary frequencies is {theta}; config.json needs a number above 0.");
        (this._dimension, this._theta, this._scaling) = (dimension, theta, scaling);
        _attentionFactor = scaling switch
        {
            { Type: "yarn" or "longrope", AttentionFactor: { } given } => (float)given,
            { Factor: <= 1 } => 1,
            { Type: "yarn" } => (float)(0.1 * Math.Log(scaling.Factor) + 1),
            { Type: "longrope" } => (float)Math.Sqrt(1 + Math.Log(scaling.Factor) / Math.Log(scaling.OriginalLength)),
            _ => 1,
        };
    }

    /// <summary>The device of the tables.</summary>
    public Device Device { get; init; } = CPU;

    /// <summary>Whether neighbouring dimensions are rotated together instead of the halves of a head.</summary>
    public bool Interleaved { get; init; }

    /// <summary>Whether the frequencies are rounded to fp16, as in ChatGLM.</summary>
    public bool HalfFrequencies { get; init; }

    /// <summary>The longest sequence, in tokens, whose angles depend only on the position.</summary>
    public long SteadyLength => _scaling.Type is "dynamic" or "longrope" or "qwen" ? _scaling.OriginalLength : long.MaxValue;

    /// <summary>The longest sequence that the scaling is made for, in tokens; 0 without a scaling.</summary>
    public long ScaledLength => _scaling.Type switch
    {
        "dynamic" or "qwen" => long.MaxValue, // grows with the length
        "linear" or "yarn" => (long)(_scaling.OriginalLength * _scaling.Factor),
        _ => 0,
    };

    /// <summary>Splits a projection into heads and rotates them by their positions.</summary>
    /// <param name="x"><c>[b, s, heads · d]</c></param>
    /// <param name="tables">The rotary tables from <c>Tables</c>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="interleaved">Whether neighbouring dimensions are rotated together.</param>
    /// <returns><c>[b, heads, s, d]</c></returns>
    public static Tensor Rotate(Tensor x, (Tensor Cos, Tensor Sin) tables, int heads, bool interleaved = false) =>
        KernelSet.For(x).Rotate(x, tables.Cos, tables.Sin, heads, interleaved);

    /// <summary>Rotary tables for positions <paramref name="start"/> .. start + length - 1, each <c>[length, d]</c>.</summary>
    /// <param name="start">The first position.</param>
    /// <param name="length">The number of positions.</param>
    /// <param name="prompt">
    /// The length of the prompt, which determines Qwen 1's scaling; null: the length of the sequence.
    /// </param>
    /// <param name="mode">The purpose of the pass: Qwen 1 does not scale in training.</param>
    public (Tensor Cos, Tensor Sin) Tables(
        long start, long length, long? prompt = null, PassMode mode = PassMode.Evaluation)
    {
        lock (_gate) // the returned views keep the memory alive if another thread replaces the tables
        {
            Ensure(start + length, prompt, mode);
            return (_cos!.narrow(0, start, length), _sin!.narrow(0, start, length));
        }
    }

    /// <summary>Rotary tables at positions <c>[b, s]</c> below <paramref name="limit"/>, each <c>[b, 1, s, d]</c>.</summary>
    public (Tensor Cos, Tensor Sin) Tables(
        Tensor positions, long limit, long? prompt = null, PassMode mode = PassMode.Evaluation)
    {
        var (b, s) = (positions.shape[0], positions.shape[1]);
        var flat = positions.flatten();
        lock (_gate)
        {
            Ensure(limit, prompt, mode);
            return (_cos!.index_select(0, flat).view(b, 1, s, _dimension), _sin!.index_select(0, flat).view(b, 1, s, _dimension));
        }
    }

    /// <summary>
    /// The frequencies, in radians per position, of each pair of dimensions for a sequence of this length: <c>d/2</c> values.
    /// </summary>
    public float[] InverseFrequencies(long length, PassMode mode = PassMode.Evaluation)
    {
        if (_dimension < 2 || _dimension % 2 != 0) // a model of shapes only never comes here
            throw new InputException("rotary positions need an even number of dimensions of a head; " +
                $"config.json gives {_dimension}.");
        var pairs = _dimension / 2;
        var (stretched, isLong) = Kind(length, mode);
        var inverse = RopeFrequencies.Plain(_dimension, stretched);

        switch (_scaling.Type)
        {
            case "linear":
                for (var i = 0; i < pairs; i++) inverse[i] /= _scaling.Factor;
                break;
            case "longrope":
                for (var i = 0; i < pairs; i++) inverse[i] /= (isLong ? _scaling.LongFactors : _scaling.ShortFactors)[i];
                break;
            case "llama3":
                RopeFrequencies.Llama3(inverse, _scaling.Factor, _scaling.OriginalLength, _scaling.LowFrequencyFactor,
                    _scaling.HighFrequencyFactor);
                break;
            case "yarn":
                double Bound(double rotations) =>
                    _dimension * Math.Log(_scaling.OriginalLength / (rotations * 2 * Math.PI)) / (2 * Math.Log(_theta));
                var (first, last) = (Bound(_scaling.BetaFast), Bound(_scaling.BetaSlow));
                var low = Math.Max(_scaling.Truncates ? Math.Floor(first) : first, 0);
                var high = Math.Min(_scaling.Truncates ? Math.Ceiling(last) : last, _dimension - 1);
                if (low == high) high += 0.001;
                for (var i = 0; i < pairs; i++)
                {
                    var scaled = Math.Clamp((i - low) / (high - low), 0, 1);
                    inverse[i] *= scaled / _scaling.Factor + (1 - scaled);
                }
                break;
        }
        return Array.ConvertAll(inverse, v => HalfFrequencies ? (float)(Half)v : (float)v);
    }

    // The base, which grows with the length for dynamic scaling ("NTK-aware"), and whether longrope's long factors apply.
    private (double Base, bool Long) Kind(long length, PassMode mode)
    {
        var isLong = length > _scaling.OriginalLength;
        var growth = (double)length / _scaling.OriginalLength;
        var factor = _scaling.Type switch
        {
            "dynamic" when isLong => _scaling.Factor * growth - (_scaling.Factor - 1),
            "qwen" when isLong && mode != PassMode.Training => Math.Pow(2, Math.Ceiling(Math.Log2(growth) + 1)) - 1,
            _ => 1,
        };
        return (_theta * Math.Pow(factor, _dimension / (_dimension - 2.0)), _scaling.Type == "longrope" && isLong);
    }

    private void Ensure(long length, long? prompt, PassMode mode)
    {
        var deciding = _scaling.Type == "qwen" ? prompt ?? length : length;
        var kind = Kind(deciding, mode);
        if (length <= _tableLength && kind == _tableKind) return;
        var positions = length <= SteadyLength ? Math.Max(64, 2 * length) : length; // spare where angles are fixed
        var inverse = InverseFrequencies(deciding, mode);
        var (c, s) = (new float[positions * _dimension], new float[positions * _dimension]);
        for (long p = 0; p < positions; p++)
            for (var i = 0; i < _dimension; i++)
            {
                var angle = p * inverse[i % (_dimension / 2)];
                c[p * _dimension + i] = MathF.Cos(angle) * _attentionFactor;
                s[p * _dimension + i] = MathF.Sin(angle) * _attentionFactor;
            }
        Dispose();
        _cos = Tensors.Of(c, [positions, _dimension], Device).DetachFromDisposeScope();
        _sin = Tensors.Of(s, [positions, _dimension], Device).DetachFromDisposeScope();
        (_tableLength, _tableKind) = (positions, kind);
    }

    /// <summary>Frees the tables.</summary>
    public void Dispose()
    {
        _cos?.Dispose();
        _sin?.Dispose();
    }
}
