using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// The attention masks and linear biases of queries at consecutive positions, each computed once for all layers.
/// </summary>
/// <param name="device">The device of the masks.</param>
/// <param name="start">The position of the first query.</param>
/// <param name="length">The number of queries, s.</param>
/// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
/// <param name="context">The number of tokens at the beginning that every query attends to.</param>
/// <param name="skipsPadding">Whether padding between tokens is excluded from ALiBi distances.</param>
internal sealed class Masks(
    Device device, long start, long length, Tensor? present = null, long context = 0, bool skipsPadding = false)
{
    private readonly Dictionary<long, Tensor?> _masks = [];
    private readonly Dictionary<Alibi, Tensor> _biases = [];

    /// <summary>All tensors computed so far.</summary>
    public IEnumerable<Tensor> Tables => _masks.Values.OfType<Tensor>().Concat(_biases.Values);

    /// <summary>The mask of <see cref="Attention.Mask"/>, with a sliding window of this many tokens if set.</summary>
    public Tensor? Mask(int? window)
    {
        var key = window ?? long.MaxValue;
        if (!_masks.TryGetValue(key, out var mask))
            _masks.Add(key, mask = context > start
                ? Attention.Causal(start, length, device) | (Range(0, start + length, device) < Number(context))
                : Attention.Mask(present, start, length, device, key));
        return mask;
    }

    /// <summary>Linear biases, -∞ where a query may not attend, <c>[1 or b, heads, s, t]</c>.</summary>
    public Tensor Bias(Alibi alibi)
    {
        if (!_biases.TryGetValue(alibi, out var bias))
        {
            bias = skipsPadding && present is not null ? alibi.Bias(present, length) : alibi.Bias(start, length, device);
            var visible = Mask(null) ?? (length > 1 ? Attention.Causal(start, length, device) : null);
            if (visible?.dim() == 2) bias.masked_fill_(visible.logical_not(), Number(float.NegativeInfinity)); // in place
            else if (visible is not null) bias = bias.masked_fill(visible.logical_not(), Number(float.NegativeInfinity));
            _biases.Add(alibi, bias);
        }
        return bias;
    }
}
