using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Sequences laid end to end in one row without padding (Krell et al., 2021). Attention runs over each sequence by itself, so its
/// cost is linear in the number of sequences and no token attends to another sequence.
/// </summary>
/// <param name="lengths">The number of tokens of each sequence, virtual tokens in the row included.</param>
/// <param name="before">The number of virtual tokens before each sequence that are not in the row.</param>
/// <param name="device">The device of the masks.</param>
internal sealed class PackedSequences(IReadOnlyList<long> lengths, long before, Device device)
{
    // One set of masks for each length: sequences of equal length share it.
    private readonly Dictionary<long, Masks> _masks = [];

    /// <summary>The lengths in tokens.</summary>
    public long[] Lengths { get; } = [.. lengths];

    /// <summary>The length of the longest sequence with its virtual tokens.</summary>
    public long End => before + Lengths.Max();

    /// <summary>All masks and biases computed so far.</summary>
    public IEnumerable<Tensor> Tables => _masks.Values.SelectMany(m => m.Tables);

    /// <summary>The rotary tables of each sequence, joined: <c>[n, d]</c>.</summary>
    /// <param name="rope">The rotary embedding.</param>
    /// <param name="start">The position of the first token of each sequence.</param>
    /// <param name="mode">The purpose of the pass.</param>
    public (Tensor Cos, Tensor Sin) RotaryTables(Rope rope, long start, PassMode mode)
    {
        var tables = Array.ConvertAll(Lengths, length => rope.Tables(start, length, mode: mode));
        return (cat([.. tables.Select(t => t.Cos)]), cat([.. tables.Select(t => t.Sin)]));
    }

    /// <summary>A value for each token that depends on the length of its sequence, <c>[1, n, 1]</c>.</summary>
    public Tensor PerToken(Func<long, float> value) => Tensors.Of(
        [.. Lengths.SelectMany(length => Enumerable.Repeat(value(length), (int)length))], [1, Lengths.Sum(), 1], device);

    /// <summary>Computes attention within each sequence.</summary>
    /// <param name="layer">The index of the layer.</param>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="key"><c>[1, kv heads, n, d]</c></param>
    /// <param name="value"><c>[1, kv heads, n, d]</c></param>
    /// <param name="options">The window, soft cap and biases.</param>
    /// <param name="pass">The pass, for its prefix of keys and values.</param>
    /// <returns><c>[1, n, heads · d]</c></returns>
    public Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionOptions options, ForwardPass pass)
    {
        if (options is { SoftCap: null, Alibi: null } && pass.Prefix is null && PackedAttentionKernel.Fits(query))
            return PackedAttentionKernel.Apply(query, key, value, Lengths, options.Window);
        // The backward pass of split is one concatenation; that of single slices would add up full-size gradients.
        var (queries, keys, values) = (Split(query), Split(key), Split(value));
        var mixed = new Tensor[Lengths.Length];
        for (var i = 0; i < mixed.Length; i++)
        {
            var (k, v) = pass.WithPrefix(layer, keys[i], values[i]);
            if (!_masks.TryGetValue(Lengths[i], out var masks))
                _masks.Add(Lengths[i], masks = new Masks(device, before, Lengths[i]));
            mixed[i] = Attention.Attend(queries[i], k, v, masks, options); // [1, s, heads · d]
        }
        return mixed.Length == 1 ? mixed[0] : cat(mixed, 1);
    }

    // libtorch's lazy device mistakes the views of split for tensors of the CPU.
    private Tensor[] Split(Tensor x) => x.device_type is DeviceType.CPU or DeviceType.CUDA ? x.split(Lengths, 2)
        : [.. Lengths.Select((length, i) => x.narrow(2, Lengths.Take(i).Sum(), length))];
}
