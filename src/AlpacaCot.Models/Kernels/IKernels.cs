using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// The operations of a model that libtorch has not, or not fast enough on a CPU. Every set computes the same numbers up to
/// rounding, with gradients where an input has them.
/// </summary>
internal interface IKernels
{
    /// <summary><c>x / sqrt(mean(x²) + ε) · weight</c> over the last dimension.</summary>
    Tensor RmsNorm(Tensor x, Tensor weight, double epsilon);

    /// <summary><c>gate / (1 + exp(-gate)) · up</c>, element by element.</summary>
    Tensor SwiGlu(Tensor gate, Tensor up);

    /// <summary>Splits a projection into heads and turns them: <c>[b, s, heads · d] -> [b, heads, s, d]</c>.</summary>
    /// <param name="x"><c>[b, s, heads · d]</c></param>
    /// <param name="cos"><c>[s, r]</c>, or <c>[b, 1, s, r]</c> for positions of each row's own; the first r ≤ d dimensions
    /// turn. Kept until the backward pass.</param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="interleaved">Whether neighbours turn together rather than the halves.</param>
    Tensor Rotate(Tensor x, Tensor cos, Tensor sin, int heads, bool interleaved);

    /// <summary><c>log softmax(logits)[target]</c> of each row, <c>[n]</c>, fp64.</summary>
    /// <param name="logits"><c>[n, vocabulary]</c>; owned by the call, their content may be lost.</param>
    /// <param name="targets"><c>[n]</c>, int64.</param>
    Tensor LogProbabilities(Tensor logits, Tensor targets);

    /// <summary>Copies new keys and values <c>[1, kv heads, n, d]</c> of one sequence to their positions in its cache.</summary>
    /// <param name="store">The cache.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="key">The keys of all sequences.</param>
    /// <param name="value">The values of all sequences.</param>
    /// <param name="first">The first of this sequence's among them.</param>
    /// <param name="start">Its position in the sequence.</param>
    /// <param name="count">How many.</param>
    void StoreCached(CacheStore store, int layer, Tensor key, Tensor value, int first, int start, int count);

    /// <summary>Mixes the values that each single token sees into its row of the result.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="queries">What each token sees.</param>
    /// <param name="softCap">Bounds the logits to ± this by tanh; null: unbounded.</param>
    /// <param name="slopes">The slope of each head's linear bias, or none.</param>
    /// <param name="result"><c>[1, n, heads · d]</c>, in which the rows of the queries are written.</param>
    void AttendCached(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result);
}

/// <summary>The memory of a key-value cache.</summary>
/// <param name="Tensor"><c>[2 · layers, kv heads, capacity, d]</c>: keys, values, keys, ..</param>
/// <param name="Heads">Key heads.</param>
/// <param name="Capacity">Tokens that there is room for.</param>
/// <param name="Width">d.</param>
internal sealed record CacheStore(Tensor Tensor, long Heads, long Capacity, long Width);

/// <summary>One token that looks at its sequence's cache.</summary>
/// <param name="Store">The cache.</param>
/// <param name="Row">The token's row in the batch.</param>
/// <param name="Position">Its position in its sequence.</param>
/// <param name="From">The first key that it sees.</param>
/// <param name="To">The key after the last that it sees.</param>
internal readonly record struct CachedQuery(CacheStore Store, int Row, int Position, int From, int To);

/// <summary>The set of kernels for a device.</summary>
internal static class KernelSet
{
    private static readonly CpuKernels Cpu = new();
    private static readonly TorchKernels Torch = new();

    /// <summary>The kernels that compute on a tensor.</summary>
    public static IKernels For(Tensor tensor) => Compute.UsesSimd(tensor) ? Cpu : Torch;
}
