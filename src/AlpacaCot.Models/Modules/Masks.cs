using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>The masks and linear biases of queries at consecutive places, each made once for all layers.</summary>
/// <param name="device">Where they are made.</param>
/// <param name="start">The place of the first query.</param>
/// <param name="length">Queries, s.</param>
/// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
/// <param name="context">How many tokens at the beginning everyone sees.</param>
/// <param name="skipsPadding">Whether padding between tokens makes no distance.</param>
internal sealed class Masks(
    Device device, long start, long length, Tensor? present = null, long context = 0, bool skipsPadding = false)
{
    private readonly Dictionary<long, Tensor?> _masks = [];
    private readonly Dictionary<Alibi, Tensor> _biases = [];

    /// <summary>All that were made.</summary>
    public IEnumerable<Tensor> Tables => _masks.Values.OfType<Tensor>().Concat(_biases.Values);

    /// <summary>The mask of <see cref="Attention.Mask"/>; with a window only the last so many tokens are seen.</summary>
    public Tensor? Mask(int? window)
    {
        var key = window ?? long.MaxValue;
        if (!_masks.TryGetValue(key, out var mask))
            _masks.Add(key, mask = context > start
                ? Attention.Causal(start, length, device) | (Range(0, start + length, device) < Number(context))
                : Attention.Mask(present, start, length, device, key));
        return mask;
    }

    /// <summary>Linear biases, -∞ where a query may not look, <c>[1 or b, heads, s, t]</c>.</summary>
    public Tensor Bias(Alibi alibi)
    {
        if (!_biases.TryGetValue(alibi, out var bias))
        {
            bias = skipsPadding && present is not null ? alibi.Bias(present, length) : alibi.Bias(start, length, device);
            var seen = Mask(null) ?? (length > 1 ? Attention.Causal(start, length, device) : null);
            if (seen?.dim() == 2) bias.masked_fill_(seen.logical_not(), Number(float.NegativeInfinity)); // no second copy
            else if (seen is not null) bias = bias.masked_fill(seen.logical_not(), Number(float.NegativeInfinity));
            _biases.Add(alibi, bias);
        }
        return bias;
    }
}
