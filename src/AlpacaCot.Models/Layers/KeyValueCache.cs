using System.Runtime.InteropServices;
using AlpacaCot.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>
/// The keys and values of the tokens that one sequence has so far. Sequences of any lengths go through a model together, each with
/// a cache of its own: see <see cref="RaggedBatch"/>.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private const long Spare = 64; // tokens that there is room for beside those asked for

    private readonly long layers, heads, width;
    private readonly List<long> ids = [];
    private Tensor? store; // [2 · layers, kv heads, capacity, d]: keys, values, keys, ..

    /// <summary>An empty cache for a model of this many layers with <c>heads</c> key heads of <c>width</c>.</summary>
    public KeyValueCache(int layers, long heads, long width) => (this.layers, this.heads, this.width) = (layers, heads, width);

    /// <summary>Tokens held. A pass through the model adds to them after its last layer.</summary>
    public int Length { get; private set; }

    /// <summary>The tokens of the first pass.</summary>
    public int PromptLength { get; private set; }

    /// <summary>The tokens held, and during a pass those that it adds.</summary>
    public ReadOnlySpan<long> Ids => CollectionsMarshal.AsSpan(ids);

    /// <summary>How many tokens at the beginning see each other in both directions, in models with such a context.</summary>
    public int Context { get; internal set; }

    private long Capacity => store?.shape[2] ?? 0;

    /// <summary>Forgets all tokens after the first <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        Length = Math.Min(Length, length);
        ids.RemoveRange(Length, ids.Count - Length);
    }

    /// <summary>A copy that goes another way from here.</summary>
    public KeyValueCache Fork()
    {
        var fork = new KeyValueCache((int)layers, heads, width) { Length = Length, PromptLength = PromptLength, Context = Context };
        fork.ids.AddRange(Ids[..Length]);
        fork.Reserve(Length + Spare);
        if (Length > 0) fork.Held(fork.store!).copy_(Held(store!));
        return fork;
    }

    /// <summary>Makes room for new tokens, before the pass that reads them.</summary>
    internal void Begin(IReadOnlyList<int> added)
    {
        ids.RemoveRange(Length, ids.Count - Length); // what a pass that failed has left
        foreach (var id in added) ids.Add(id);
        if (ids.Count <= Capacity) return;
        using var old = store;
        store = null;
        Reserve(Math.Max(ids.Count + Spare, old is null ? 0 : 2 * old.shape[2]));
        if (Length > 0) Held(store!).copy_(Held(old!));
    }

    /// <summary>Counts the tokens that every layer has stored.</summary>
    internal void Advance()
    {
        if (Length == 0) PromptLength = ids.Count;
        Length = ids.Count;
    }

    /// <summary>Keys and values of a layer, new tokens included, each <c>[1, kv heads, t, d]</c>.</summary>
    internal (Tensor Keys, Tensor Values) Of(int layer) =>
        (store!.narrow(0, 2 * layer, 1).narrow(2, 0, ids.Count), store.narrow(0, 2 * layer + 1, 1).narrow(2, 0, ids.Count));

    /// <summary>
    /// The first key and the first value of a layer; the next token's follow after d, the next head's after
    /// <paramref name="headStride"/>.
    /// </summary>
    internal unsafe void Locate(int layer, out float* keys, out float* values, out long headStride)
    {
        headStride = Capacity * width;
        keys = TensorMemory.Floats(store!) + 2 * layer * heads * headStride;
        values = keys + heads * headStride;
    }

    private void Reserve(long tokens) =>
        store = empty([2 * layers, heads, tokens, width], ScalarType.Float32).DetachFromDisposeScope();

    private Tensor Held(Tensor of) => of.narrow(2, 0, Length);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => store?.Dispose();
}
