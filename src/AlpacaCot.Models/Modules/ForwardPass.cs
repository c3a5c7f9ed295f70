using AlpacaCot.Models.Runtime;
using TorchSharp;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// The state shared by the layers of one forward pass: purpose, device, virtual tokens, and tables that are computed once (masks,
/// rotary tables, linear biases). Nothing is stored in the model, so passes on several threads are independent.
/// </summary>
/// <param name="scope">The dispose scope that owns the tables of the pass.</param>
/// <param name="compute">The device and numeric type of the computation.</param>
/// <param name="mode">The purpose of the pass, which selects the arithmetic.</param>
/// <param name="length">The number of tokens per row, s.</param>
/// <param name="present">True for real tokens, false for padding, <c>[b, s]</c>; null when all are real.</param>
/// <param name="positions">The tokens' positions <c>[b, s]</c>; null: counted from 0.</param>
/// <param name="varlen">The cached sequences that the tokens continue, instead of rows.</param>
/// <param name="before">The number of virtual tokens before each row that are not among its tokens.</param>
/// <param name="hasVirtual">Whether there are virtual tokens, before or among the row's tokens.</param>
public sealed class ForwardPass(
    DisposeScope? scope, Compute compute, PassMode mode, long length, Tensor? present = null, Tensor? positions = null,
    VarlenBatch? varlen = null, long before = 0, bool hasVirtual = false)
{
    private readonly Masks _masks = new(compute.Device, before, length, present, skipsPadding: hasVirtual);
    private readonly Dictionary<Rope, (Tensor Cos, Tensor Sin)> _rotaryTables = [];
    private object? _shared;
    private IReadOnlyList<Tensor> _sharedTensors = [];

    /// <summary>A pass for single layers that do not depend on positions.</summary>
    public ForwardPass(Compute compute, PassMode mode)
        : this(null, compute, mode, 0)
    {
    }

    /// <summary>The device and numeric type of the computation.</summary>
    public Compute Compute => compute;

    /// <summary>The purpose of the pass, which selects the arithmetic.</summary>
    public PassMode Mode => mode;

    /// <summary>
    /// Vectors <c>[n, width]</c> of virtual tokens among the ids: id -1 is the first, -2 the second, and so on.
    /// </summary>
    public Tensor? Prompt { get; init; }

    /// <summary>
    /// NEFTune's alpha (Jain et al., 2023): uniform noise in ± alpha / √(s · width) is added to every component of the token
    /// embeddings; 0: none.
    /// </summary>
    public double Noise { get; init; }

    /// <summary>The cached sequences that the tokens continue; null if whole rows are processed without caches.</summary>
    public VarlenBatch? Varlen => varlen;

    /// <summary>The sequences laid end to end in the one row; null if each row is a sequence.</summary>
    internal PackedSequences? Packed { get; init; }

    /// <summary>The length of the longest sequence, cached tokens included.</summary>
    public long End => varlen?.End ?? Packed?.End ?? before + length;

    /// <summary>Keys and values of virtual tokens per layer, <c>[1, kv heads, n, d]</c>, or null.</summary>
    public IReadOnlyList<(Tensor Key, Tensor Value)>? Prefix { get; init; }

    /// <summary>The number of virtual tokens that take no positions.</summary>
    public long UnpositionedTokens { get; init; }

    /// <summary>The position of each token in its sequence, <c>[s]</c>.</summary>
    public Tensor Positions => varlen?.Positions.flatten() ?? (Packed is null ? null : positions)?.flatten()
        ?? Range(before, before + length, compute.Device);

    /// <summary>Prepends the prefix of virtual tokens to a row's keys and values, <c>[b, kv heads, t, d]</c>.</summary>
    public (Tensor Keys, Tensor Values) WithPrefix(int layer, Tensor key, Tensor value)
    {
        if (Prefix is null) return (key, value);
        var (rows, (firstKey, firstValue)) = (key.shape[0], Prefix[layer]);
        (firstKey, firstValue) = (Tensors.As(firstKey, key.dtype), Tensors.As(firstValue, value.dtype));
        return (cat([firstKey.expand(rows, -1, -1, -1), key], 2), cat([firstValue.expand(rows, -1, -1, -1), value], 2));
    }

    /// <summary>The masks and linear biases of the rows.</summary>
    internal Masks Masks => _masks;

    /// <summary>The rotary tables, cos and sin, at the tokens' positions.</summary>
    public (Tensor Cos, Tensor Sin) RotaryTables(Rope rope)
    {
        if (!_rotaryTables.TryGetValue(rope, out var found))
            _rotaryTables.Add(rope, found = varlen is not null ? varlen.RotaryTables(rope, mode)
                : Packed is not null ? Packed.RotaryTables(rope, before - UnpositionedTokens, mode)
                : positions is null ? rope.Tables(before - UnpositionedTokens, length, mode: mode)
                : rope.Tables(positions, before + length, mode: mode));
        return found;
    }

    /// <summary>All tables computed so far and shared by blocks.</summary>
    internal IEnumerable<Tensor> Tables =>
        [
            .. _masks.Tables, .. _rotaryTables.Values.SelectMany(t => new[] { t.Cos, t.Sin }), .. varlen?.Tables ?? [],
            .. Packed?.Tables ?? [], .. _sharedTensors,
        ];

    /// <summary>Stores a value that a family's blocks share.</summary>
    /// <param name="value">The shared value.</param>
    /// <param name="tensors">The tensors it contains.</param>
    internal void Share(object value, params IReadOnlyList<Tensor> tensors) => (_shared, _sharedTensors) = (value, tensors);

    /// <summary>The value stored by <see cref="Share"/>.</summary>
    internal T Shared<T>() => (T)_shared!;

    /// <summary>
    /// Runs a block in its own dispose scope: tensors needed by neither the graph nor the next block are freed after the block,
    /// not at the end of the step.
    /// </summary>
    internal Tensor Scoped(Func<Tensor> block)
    {
        using var inner = NewDisposeScope();
        var y = block();
        scope!.Attach(Tables);
        return y.MoveToOuterDisposeScope();
    }
}
