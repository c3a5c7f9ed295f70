using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// Where the weights of an adapter come from while it is put on a model: drawn afresh from a seed, read from a folder, or shapes
/// alone, to be counted. Names are those of the saved file, without PEFT's wrapper.
/// </summary>
public sealed class AdapterWeights
{
    private const int ProblemsShown = 5;

    private readonly long _seed;
    private readonly IReadOnlyDictionary<string, Tensor>? _saved;
    private readonly bool _shapesOnly;
    private readonly HashSet<string> _used = [];
    private readonly List<string> _problems = [];

    private AdapterWeights(long seed, IReadOnlyDictionary<string, Tensor>? saved, bool shapesOnly) =>
        (this._seed, this._saved, this._shapesOnly) = (seed, saved, shapesOnly);

    /// <summary>New weights.</summary>
    public static AdapterWeights Fresh(long seed) => new(seed, null, false);

    /// <summary>Weights that were read; they stay the caller's.</summary>
    public static AdapterWeights Saved(IReadOnlyDictionary<string, Tensor> tensors) => new(0, tensors, false);

    /// <summary>No memory: what is taken has a shape alone.</summary>
    public static AdapterWeights Shapes() => new(0, null, true);

    /// <summary>Whether weights are read, so that nothing has to be worked out for a start.</summary>
    public bool AreSaved => _saved is not null;

    /// <summary>Whether there are shapes only.</summary>
    public bool AreShapes => _shapesOnly;

    /// <summary>True where a saved weight of this name is there.</summary>
    public bool Contains(string name) => _saved?.ContainsKey(name) == true;

    /// <summary>The shape of a saved weight, or none.</summary>
    public long[]? ShapeOf(string name) => _saved?.GetValueOrDefault(name)?.shape;

    /// <summary>An fp32 weight of its own memory, the caller's.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="start">What it is when fresh.</param>
    /// <param name="alias">Another name that files of older versions use.</param>
    public Tensor Take(string name, ReadOnlySpan<long> shape, Func<Tensor> start, string? alias = null)
    {
        using var quiet = no_grad();
        if (_shapesOnly) return Tensors.Empty(shape, ScalarType.Float32, META).DetachFromDisposeScope();
        if (_saved is null)
        {
            using var scope = NewDisposeScope();
            return start().to(ScalarType.Float32).contiguous().clone().DetachFromDisposeScope();
        }
        _used.Add(name);
        if (alias is not null && !_saved.ContainsKey(name)) _used.Add(name = alias);
        var found = _saved.GetValueOrDefault(name);
        if (found is not null && shape.SequenceEqual(found.shape))
            return found.to(ScalarType.Float32, copy: true).contiguous().DetachFromDisposeScope();
        _problems.Add(found is null ? $"{name} is missing"
            : $"{name} is [{string.Join(", ", found.shape)}], this model needs [{string.Join(", ", shape.ToArray())}]");
        return Tensors.Zeros(shape, ScalarType.Float32, CPU).DetachFromDisposeScope();
    }

    /// <summary>Uniform between ±<paramref name="bound"/>, a function of the seed and a label.</summary>
    public Tensor Uniform(string label, ReadOnlySpan<long> shape, double bound)
    {
        var random = new DeterministicRandom(_seed).Fork(label);
        return Filled(shape, () => (2 * random.NextDouble() - 1) * bound);
    }

    /// <summary>Normal with mean 0, a function of the seed and a label.</summary>
    public Tensor Normal(string label, ReadOnlySpan<long> shape, double deviation)
    {
        var random = new DeterministicRandom(_seed).Fork(label);
        return Filled(shape, () => // Box and Muller, one of the two
            deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    /// <summary>Fails where saved weights did not fit, or were not asked for.</summary>
    /// <param name="folder">Where they were read, for the message.</param>
    /// <exception cref="InputException">The adapter was made for another model.</exception>
    internal void RequireAllUsed(string folder)
    {
        var unused = _saved!.Keys.Where(name => !_used.Contains(name)).Select(name => $"{name} has no place in this model")
            .ToList();
        if (_problems.Count + unused.Count == 0) return;
        var shown = _problems.Concat(unused).Take(ProblemsShown);
        var more = _problems.Count + unused.Count - ProblemsShown;
        throw new InputException($"The adapter in {folder} was made for another model: {string.Join("; ", shown)}" +
            (more > 0 ? $"; and {more} more." : "."));
    }

    /// <summary>Counts a saved weight as used that is needed for nothing.</summary>
    internal void Ignore(string name) => _used.Add(name);

    private static Tensor Filled(ReadOnlySpan<long> shape, Func<double> next)
    {
        var count = 1L;
        foreach (var side in shape) count *= side;
        var values = new float[count];
        for (long i = 0; i < count; i++) values[i] = (float)next();
        return Tensors.Of(values, shape, CPU);
    }
}
