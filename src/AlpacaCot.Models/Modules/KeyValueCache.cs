using System.Runtime.InteropServices;
using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// The keys and values of the tokens that one sequence has so far. Sequences of any lengths go through a model together, each
/// with a cache of its own: see <see cref="VarlenBatch"/>.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private const long Spare = 64; // tokens that there is room for beside those asked for

    private readonly Compute _compute;
    private readonly long _layers, _heads, _width;
    private readonly int _prefix, _prompt; // virtual tokens that have keys and values alone, and that are read as ids
    private readonly List<long> _ids = [];
    private CacheStore? _store;
    private int _held; // ids whose keys and values are stored

    /// <summary>An empty cache for a model of this many layers with <c>heads</c> key heads of <c>width</c>.</summary>
    /// <param name="compute">Where keys and values are kept, and in which type.</param>
    /// <param name="layers">Blocks.</param>
    /// <param name="heads">Key heads.</param>
    /// <param name="width">d.</param>
    /// <param name="prefix">Keys and values of virtual tokens in each layer, which stand first, or none.</param>
    /// <param name="prompt">Virtual tokens that the first pass reads before the sequence's own.</param>
    public KeyValueCache(
        Compute compute, int layers, long heads, long width, IReadOnlyList<(Tensor Key, Tensor Value)>? prefix = null,
        int prompt = 0)
    {
        (this._compute, this._layers, this._heads, this._width, this._prompt) = (compute, layers, heads, width, prompt);
        if (prefix is null) return;
        this._prefix = (int)prefix[0].Key.shape[2];
        Reserve(this._prefix + Spare);
        for (var i = 0; i < layers; i++)
        {
            _store!.Tensor.narrow(0, 2 * i, 1).narrow(2, 0, this._prefix).copy_(prefix[i].Key);
            _store.Tensor.narrow(0, 2 * i + 1, 1).narrow(2, 0, this._prefix).copy_(prefix[i].Value);
        }
    }

    // A copy's beginning.
    private KeyValueCache(KeyValueCache of) =>
        (_compute, _layers, _heads, _width, _prefix, _prompt, _held) =
            (of._compute, of._layers, of._heads, of._width, of._prefix, of._prompt, of._held);

    /// <summary>Tokens held, without virtual ones. A pass through the model adds to them after its last layer.</summary>
    public int Length => Math.Max(0, _held - _prompt);

    /// <summary>The tokens of the first pass.</summary>
    public int PromptLength { get; private set; }

    /// <summary>The tokens held, and during a pass those that it adds.</summary>
    public ReadOnlySpan<long> Ids => AllIds[Math.Min(_prompt, _ids.Count)..];

    /// <summary>The same with the virtual tokens that are read, as negative numbers.</summary>
    internal ReadOnlySpan<long> AllIds => CollectionsMarshal.AsSpan(_ids);

    /// <summary>Virtual tokens at the beginning that take no positions.</summary>
    internal int UnpositionedTokens { get; init; }

    /// <summary>Virtual tokens at the beginning that are not among the ids.</summary>
    internal int PrefixLength => _prefix;

    /// <summary>Which adapter of the model it was made with.</summary>
    internal int Version { get; init; }

    /// <summary>Where the next pass begins to store: tokens held, virtual ones included.</summary>
    internal int Position => _prefix + _held;

    /// <summary>How many tokens at the beginning see each other in both directions, in models with such a context.</summary>
    public int Context { get; internal set; }

    /// <summary>Where its tensors are.</summary>
    internal Device Device => _compute.Device;

    /// <summary>The memory, during a pass; a later pass may have moved it.</summary>
    internal CacheStore Store => _store!;

    /// <summary>Forgets all tokens after the first <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        if (length < Length) _held = length == 0 ? 0 : _prompt + length;
        _ids.RemoveRange(_held, _ids.Count - _held);
    }

    /// <summary>A copy that goes another way from here.</summary>
    public KeyValueCache Fork()
    {
        var fork = new KeyValueCache(this)
        {
            PromptLength = PromptLength, Context = Context, UnpositionedTokens = UnpositionedTokens, Version = Version,
        };
        fork._ids.AddRange(AllIds[.._held]);
        fork.Reserve(Position + Spare);
        if (Position > 0) fork.Held(fork._store!).copy_(Held(_store!));
        return fork;
    }

    /// <summary>Makes room for new tokens, before the pass that reads them, and gives how many they are with virtual
    /// ones.</summary>
    internal int Begin(IReadOnlyList<int> added)
    {
        _ids.RemoveRange(_held, _ids.Count - _held); // what a pass that failed has left
        if (_held == 0) for (var i = 0; i < _prompt; i++) _ids.Add(-1 - i);
        foreach (var id in added) _ids.Add(id);
        var (count, needed) = (_ids.Count - _held, _prefix + _ids.Count);
        if (needed <= (_store?.Capacity ?? 0)) return count;
        var old = _store;
        using var freed = old?.Tensor;
        _store = null;
        Reserve(Math.Max(needed + Spare, old is null ? 0 : 2 * old.Capacity));
        if (Position > 0) Held(_store!).copy_(Held(old!));
        return count;
    }

    /// <summary>Counts the tokens that every layer has stored.</summary>
    internal void Advance()
    {
        if (_held == 0) PromptLength = _ids.Count;
        _held = _ids.Count;
    }

    /// <summary>Keys and values of a layer, new tokens included, each <c>[1, kv heads, t, d]</c>.</summary>
    internal (Tensor Keys, Tensor Values) Of(int layer) =>
        (_store!.Tensor.narrow(0, 2 * layer, 1).narrow(2, 0, _prefix + _ids.Count),
            _store.Tensor.narrow(0, 2 * layer + 1, 1).narrow(2, 0, _prefix + _ids.Count));

    private void Reserve(long tokens) => _store = new CacheStore(
        Tensors.Empty([2 * _layers, _heads, tokens, _width], _compute.Activations, Device).DetachFromDisposeScope(),
        _heads, tokens, _width);

    private Tensor Held(CacheStore of) => of.Tensor.narrow(2, 0, Position);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _store?.Tensor.Dispose();
}
