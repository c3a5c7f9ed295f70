using System.Runtime.InteropServices;
using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// The key-value cache of one sequence. Sequences of different lengths are processed together, each with its own cache: see
/// <see cref="VarlenBatch"/>.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private const long Spare = 64; // spare capacity beyond the requested tokens

    private readonly Compute _compute;
    private readonly long _layers, _heads, _width;
    private readonly int _prefix, _prompt; // virtual tokens given as keys and values, and as ids
    private readonly List<long> _ids = [];
    private CacheStore? _store;
    private int _stored; // ids whose keys and values are stored

    /// <summary>Creates a cache that contains only the prefix, if there is one.</summary>
    /// <param name="compute">The device and numeric type of keys and values.</param>
    /// <param name="layers">The number of blocks.</param>
    /// <param name="heads">The number of key heads.</param>
    /// <param name="width">The width of one head, d.</param>
    /// <param name="prefix">Keys and values of virtual tokens per layer, which come first, or null.</param>
    /// <param name="prompt">The number of virtual tokens that the first pass processes before the sequence's own.</param>
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

    // Copies the settings; Fork copies the contents.
    private KeyValueCache(KeyValueCache of) =>
        (_compute, _layers, _heads, _width, _prefix, _prompt, _stored) =
            (of._compute, of._layers, of._heads, of._width, of._prefix, of._prompt, of._stored);

    /// <summary>The number of cached tokens, without virtual ones. A forward pass adds its tokens after the last layer.</summary>
    public int Length => Math.Max(0, _stored - _prompt);

    /// <summary>The number of tokens of the first pass.</summary>
    public int PromptLength { get; private set; }

    /// <summary>The ids of the cached tokens and, during a pass, of the tokens it adds.</summary>
    public ReadOnlySpan<long> Ids => AllIds[Math.Min(_prompt, _ids.Count)..];

    /// <summary>As <see cref="Ids"/>, including virtual tokens given as ids, which are negative.</summary>
    internal ReadOnlySpan<long> AllIds => CollectionsMarshal.AsSpan(_ids);

    /// <summary>The number of virtual tokens at the beginning that take no positions.</summary>
    internal int UnpositionedTokens { get; init; }

    /// <summary>The number of virtual tokens at the beginning that are not among the ids.</summary>
    internal int PrefixLength => _prefix;

    /// <summary>
    /// The value of <see cref="Families.CausalModel.Version"/> at creation, which identifies the enabled adapter.
    /// </summary>
    internal int Version { get; init; }

    /// <summary>The index at which the next pass starts to store: cached tokens, virtual ones included.</summary>
    internal int Position => _prefix + _stored;

    /// <summary>The number of tokens at the beginning with bidirectional attention, in models with such a context.</summary>
    public int Context { get; internal set; }

    /// <summary>The device of the cache.</summary>
    internal Device Device => _compute.Device;

    /// <summary>The memory during a pass; a later pass may reallocate it.</summary>
    internal CacheStore Store => _store!;

    /// <summary>Removes all tokens after the first <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        if (length < Length) _stored = length == 0 ? 0 : _prompt + length;
        _ids.RemoveRange(_stored, _ids.Count - _stored);
    }

    /// <summary>Creates an independent copy, for a different continuation.</summary>
    public KeyValueCache Fork()
    {
        var fork = new KeyValueCache(this)
        {
            PromptLength = PromptLength, Context = Context, UnpositionedTokens = UnpositionedTokens, Version = Version,
        };
        fork._ids.AddRange(AllIds[.._stored]);
        fork.Reserve(Position + Spare);
        if (Position > 0) fork.Stored(fork._store!).copy_(Stored(_store!));
        return fork;
    }

    /// <summary>Reserves space for new tokens before their pass, and returns their count, virtual tokens included.</summary>
    internal int Begin(IReadOnlyList<int> added)
    {
        _ids.RemoveRange(_stored, _ids.Count - _stored); // tokens of a failed pass
        if (_stored == 0) for (var i = 0; i < _prompt; i++) _ids.Add(-1 - i);
        foreach (var id in added) _ids.Add(id);
        var (count, needed) = (_ids.Count - _stored, _prefix + _ids.Count);
        if (needed <= (_store?.Capacity ?? 0)) return count;
        var old = _store;
        using var freed = old?.Tensor;
        _store = null;
        Reserve(Math.Max(needed + Spare, old is null ? 0 : 2 * old.Capacity));
        if (Position > 0) Stored(_store!).copy_(Stored(old!));
        return count;
    }

    /// <summary>Marks the new tokens as cached, after every layer has stored them.</summary>
    internal void Advance()
    {
        if (_stored == 0) PromptLength = _ids.Count;
        _stored = _ids.Count;
    }

    /// <summary>Keys and values of a layer, new tokens included, each <c>[1, kv heads, t, d]</c>; views of the cache.</summary>
    internal (Tensor Keys, Tensor Values) Of(int layer) =>
        (_store!.Tensor.narrow(0, 2 * layer, 1).narrow(2, 0, _prefix + _ids.Count),
            _store.Tensor.narrow(0, 2 * layer + 1, 1).narrow(2, 0, _prefix + _ids.Count));

    private void Reserve(long tokens) => _store = new CacheStore(
        Tensors.Empty([2 * _layers, _heads, tokens, _width], _compute.Activations, Device).DetachFromDisposeScope(),
        _heads, tokens, _width);

    private Tensor Stored(CacheStore of) => of.Tensor.narrow(2, 0, Position);

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _store?.Tensor.Dispose();
}
