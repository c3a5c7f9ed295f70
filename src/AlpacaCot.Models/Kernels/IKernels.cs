using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Kernels;

/// <summary>
/// Operations that libtorch lacks or that are too slow there on a CPU. All implementations agree up to rounding, and compute
/// gradients if an input requires them.
/// </summary>
internal interface IKernels
{
    /// <summary><c>x / sqrt(mean(x²) + ε) · weight</c> over the last dimension.</summary>
    Tensor RmsNorm(Tensor x, Tensor weight, double epsilon);

    /// <summary><c>gate / (1 + exp(-gate)) · up</c>, element by element.</summary>
    Tensor SwiGlu(Tensor gate, Tensor up);

    /// <summary>Splits a projection into heads and rotates them: <c>[b, s, heads · d] -> [b, heads, s, d]</c>.</summary>
    /// <param name="x"><c>[b, s, heads · d]</c></param>
    /// <param name="cos">
    /// <c>[s, r]</c>, or <c>[b, 1, s, r]</c> if each row has its own positions; the first r ≤ d dimensions are rotated. Kept
    /// until the backward pass.
    /// </param>
    /// <param name="sin">As <paramref name="cos"/>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="interleaved">Whether neighbouring dimensions are rotated together instead of the halves.</param>
    Tensor Rotate(Tensor x, Tensor cos, Tensor sin, int heads, bool interleaved);

    /// <summary><c>log softmax(logits)[target]</c> of each row, <c>[n]</c>, fp64.</summary>
    /// <param name="logits"><c>[n, vocabulary]</c>; owned by the call, which may overwrite it.</param>
    /// <param name="targets"><c>[n]</c>, int64.</param>
    Tensor LogProbabilities(Tensor logits, Tensor targets);

    /// <summary>Copies new keys and values <c>[1, kv heads, n, d]</c> of one sequence to their positions in its cache.</summary>
    /// <param name="store">The memory of the sequence's cache.</param>
    /// <param name="layer">The index of the layer.</param>
    /// <param name="key">The new keys of all sequences.</param>
    /// <param name="value">The new values of all sequences.</param>
    /// <param name="first">The index of this sequence's first token among them.</param>
    /// <param name="start">The cache index of that token.</param>
    /// <param name="count">The number of tokens of this sequence.</param>
    void StoreCached(CacheStore store, int layer, Tensor key, Tensor value, int first, int start, int count);

    /// <summary>Computes attention of single queries over their caches and writes one row of the result per query.</summary>
    /// <param name="layer">The index of the layer.</param>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="queries">The queries, each with its cache and range of keys.</param>
    /// <param name="softCap">The soft cap: logits are limited to ± this by tanh; null: none.</param>
    /// <param name="slopes">The ALiBi slope of each head, or null.</param>
    /// <param name="result"><c>[1, n, heads · d]</c>; receives the rows of the queries.</param>
    void AttendCached(
        int layer, Tensor query, IReadOnlyList<CachedQuery> queries, double? softCap, float[]? slopes, Tensor result);
}

/// <summary>The memory of a key-value cache.</summary>
/// <param name="Tensor"><c>[2 · layers, kv heads, capacity, d]</c>: keys, values, keys, ..</param>
/// <param name="Heads">The number of key heads.</param>
/// <param name="Capacity">The capacity in tokens.</param>
/// <param name="Width">The width of one head, d.</param>
internal sealed record CacheStore(Tensor Tensor, long Heads, long Capacity, long Width);

/// <summary>One query over its sequence's cache.</summary>
/// <param name="Store">The memory of the sequence's cache.</param>
/// <param name="Row">The token's row in the batch.</param>
/// <param name="Position">Its position in its sequence.</param>
/// <param name="From">The index of the first key it attends to.</param>
/// <param name="To">The index after the last key it attends to.</param>
internal readonly record struct CachedQuery(CacheStore Store, int Row, int Position, int From, int To);

/// <summary>Selection of the kernel implementation.</summary>
internal static class KernelSet
{
    private static readonly CpuKernels Cpu = new();
    private static readonly TorchKernels Torch = new();

    /// <summary>The implementation for a tensor's device and type.</summary>
    public static IKernels For(Tensor tensor) =>
        Compute.UsesSimd(tensor) && tensor.dtype == ScalarType.Float32 ? Cpu : Torch;
}
