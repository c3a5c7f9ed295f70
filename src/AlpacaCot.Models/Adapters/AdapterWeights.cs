using AlpacaCot.Models.Runtime;
using AlpacaCot.Text;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Adapters;

/// <summary>
/// The source of an adapter's weights while it is attached: sampled from a seed, read from a folder, or shapes only, for
/// counting. Names are those of the saved file without PEFT's prefix.
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

    /// <summary>A source of newly initialized weights.</summary>
    public static AdapterWeights Fresh(long seed) => new(seed, null, false);

    /// <summary>A source of saved weights; the caller keeps ownership.</summary>
    public static AdapterWeights Saved(IReadOnlyDictionary<string, Tensor> tensors) => new(0, tensors, false);

    /// <summary>A source of tensors on the meta device, which have a shape and no memory.</summary>
    public static AdapterWeights Shapes() => new(0, null, true);

    /// <summary>Whether weights are read from a saved adapter, so that no initialization is needed.</summary>
    public bool AreSaved => _saved is not null;

    /// <summary>Whether weights have shapes only.</summary>
    public bool AreShapes => _shapesOnly;

    /// <summary>Whether a saved weight of this name exists.</summary>
    public bool Contains(string name) => _saved?.ContainsKey(name) == true;

    /// <summary>The names of the saved weights that were not requested so far.</summary>
    internal IReadOnlyList<string> Left => _saved is null ? [] : [.. _saved.Keys.Where(name => !_used.Contains(name))];

    /// <summary>The shape of a saved weight; null if absent.</summary>
    public long[]? ShapeOf(string name) => _saved?.GetValueOrDefault(name)?.shape;

    /// <summary>
    /// A contiguous fp32 copy of a weight, owned by the caller. A missing or mismatched saved weight is recorded and reported
    /// later by <see cref="RequireAllUsed"/>.
    /// </summary>
    /// <param name="name">The name in the saved file.</param>
    /// <param name="shape">The shape that the model requires.</param>
    /// <param name="initialize">Returns the initial value; called for fresh weights only.</param>
    /// <param name="alias">An alternative name used by files of older versions.</param>
    public Tensor Take(string name, ReadOnlySpan<long> shape, Func<Tensor> initialize, string? alias = null)
    {
        using var noGrad = no_grad();
        if (_shapesOnly) return Tensors.Empty(shape, ScalarType.Float32, META).DetachFromDisposeScope();
        if (_saved is null)
        {
            using var scope = NewDisposeScope();
            return initialize().to(ScalarType.Float32).contiguous().clone().DetachFromDisposeScope();
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

    /// <summary>Samples uniformly from ±<paramref name="bound"/>; deterministic in seed and label.</summary>
    public Tensor Uniform(string label, ReadOnlySpan<long> shape, double bound)
    {
        var random = new DeterministicRandom(_seed).Fork(label);
        return Filled(shape, () => (2 * random.NextDouble() - 1) * bound);
    }

    /// <summary>Samples from a normal distribution with mean 0; deterministic in seed and label.</summary>
    public Tensor Normal(string label, ReadOnlySpan<long> shape, double deviation)
    {
        var random = new DeterministicRandom(_seed).Fork(label);
        return Filled(shape, () => // Box-Muller transform; the second sample is discarded
            deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    /// <summary>Throws if saved weights are missing, have a wrong shape, or were never requested.</summary>
    /// <param name="folder">The source of the weights, for the message.</param>
    /// <exception cref="InputException">The adapter was made for another model.</exception>
    internal void RequireAllUsed(string folder)
    {
        var unused = _saved!.Keys.Where(name => !_used.Contains(name)).Select(name => $"{name} does not exist in this model")
            .ToList();
        if (_problems.Count + unused.Count == 0) return;
        var shown = _problems.Concat(unused).Take(ProblemsShown);
        var more = _problems.Count + unused.Count - ProblemsShown;
        throw new InputException($"The adapter in {folder} was made for another model: {string.Join("; ", shown)}" +
            (more > 0 ? $"; and {more} more." : "."));
    }

    /// <summary>Marks a saved weight as used although it is not needed.</summary>
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
