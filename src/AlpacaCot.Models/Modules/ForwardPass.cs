using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// What the layers of one forward pass share: what the pass is for, where it computes, what an adapter puts before the tokens,
/// and tables that are made once: masks, rotary turns, linear biases. Nothing of it is kept in the model, so passes of several
/// threads do not meet.
/// </summary>
/// <param name="scope">The dispose scope that owns the tables of the pass.</param>
/// <param name="compute">Where the pass computes.</param>
/// <param name="mode">What it is for.</param>
/// <param name="length">Tokens of a row, s.</param>
/// <param name="present">True for real tokens, false for padding, <c>[b, s]</c>; null when all are real.</param>
/// <param name="positions">The tokens' positions <c>[b, s]</c>; null: they count from 0.</param>
/// <param name="ragged">The sequences with caches that the tokens continue, in place of rows.</param>
/// <param name="before">Virtual tokens before each row that are not among its own.</param>
/// <param name="hasVirtual">Whether there are virtual tokens, before the row's own or among them.</param>
public sealed class ForwardPass(
    DisposeScope? scope, Compute compute, PassMode mode, long length, Tensor? present = null, Tensor? positions = null,
    VarlenBatch? ragged = null, long before = 0, bool hasVirtual = false)
{
    private readonly Masks _masks = new(compute.Device, before, length, present, skipsPadding: hasVirtual);
    private readonly Dictionary<Rope, (Tensor Cos, Tensor Sin)> _turns = [];
    private object? _shared;
    private IReadOnlyList<Tensor> _sharedTensors = [];

    /// <summary>A pass of single layers that look at no positions.</summary>
    public ForwardPass(Compute compute, PassMode mode)
        : this(null, compute, mode, 0)
    {
    }

    /// <summary>Where it computes.</summary>
    public Compute Compute => compute;

    /// <summary>What it is for.</summary>
    public PassMode Mode => mode;

    /// <summary>Vectors <c>[n, width]</c> of virtual tokens among the ids: id -1 means the first, -2 the second ..</summary>
    public Tensor? Prompt { get; init; }

    /// <summary>
    /// NEFTune's alpha (Jain et al., 2023): uniform noise of at most alpha / √(s · width) is added to each number of the tokens'
    /// vectors; 0: none.
    /// </summary>
    public double Noise { get; init; }

    /// <summary>The sequences with caches that the tokens continue; null where whole rows are read without caches.</summary>
    public VarlenBatch? Varlen => ragged;

    /// <summary>The length of the longest sequence, with its cached tokens.</summary>
    public long End => ragged?.End ?? before + length;

    /// <summary>Keys and values of virtual tokens in each layer, <c>[1, kv heads, n, d]</c>, or none.</summary>
    public IReadOnlyList<(Tensor Key, Tensor Value)>? Prefix { get; init; }

    /// <summary>The virtual tokens that take no positions.</summary>
    public long UnpositionedTokens { get; init; }

    /// <summary>The place of each token in its sequence, <c>[s]</c>.</summary>
    public Tensor Positions => ragged?.Positions.flatten() ?? Range(before, before + length, compute.Device);

    /// <summary>Keys and values of a row's own tokens behind those of the virtual ones, <c>[b, kv heads, t, d]</c>.</summary>
    public (Tensor Keys, Tensor Values) WithPrefix(int layer, Tensor key, Tensor value)
    {
        if (Prefix is null) return (key, value);
        var (rows, (firstKey, firstValue)) = (key.shape[0], Prefix[layer]);
        return (cat([firstKey.expand(rows, -1, -1, -1), key], 2), cat([firstValue.expand(rows, -1, -1, -1), value], 2));
    }

    /// <summary>The mask of <see cref="Attention.Mask"/>; with a window only the last so many tokens are seen.</summary>
    public Tensor? Mask(int? window) => _masks.Mask(window);

    /// <summary>Linear biases, -∞ where a query may not look, <c>[1 or b, heads, s, s]</c>.</summary>
    public Tensor Bias(Alibi alibi) => _masks.Bias(alibi);

    /// <summary>cos and sin of the tokens' positions.</summary>
    public (Tensor Cos, Tensor Sin) RotaryTables(Rope rope)
    {
        if (!_turns.TryGetValue(rope, out var found))
            _turns.Add(rope, found = ragged is not null ? ragged.RotaryTables(rope, mode)
                : positions is null ? rope.Tables(before - UnpositionedTokens, length, mode: mode)
                : rope.Tables(positions, before + length, mode: mode));
        return found;
    }

    /// <summary>All that were made and that blocks share.</summary>
    internal IEnumerable<Tensor> Tables =>
        [.. _masks.Tables, .. _turns.Values.SelectMany(t => new[] { t.Cos, t.Sin }), .. ragged?.Tables ?? [], .. _sharedTensors];

    /// <summary>Keeps what a family's own blocks share.</summary>
    /// <param name="value">It.</param>
    /// <param name="tensors">Its tensors.</param>
    internal void Share(object value, params IReadOnlyList<Tensor> tensors) => (_shared, _sharedTensors) = (value, tensors);

    /// <summary>What was kept.</summary>
    internal T Shared<T>() => (T)_shared!;

    /// <summary>
    /// A block's work in a dispose scope of its own: what neither the graph nor the next block needs is freed when it is done, not
    /// at the end of the step.
    /// </summary>
    internal Tensor Scoped(Func<Tensor> block)
    {
        using var inner = NewDisposeScope();
        var y = block();
        scope!.Attach(Tables);
        return y.MoveToOuterDisposeScope();
    }
}
