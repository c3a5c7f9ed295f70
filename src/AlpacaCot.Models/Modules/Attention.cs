using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Which keys each query may see.</summary>
public static class Attention
{
    /// <summary>
    /// Scaled dot-product attention. Keys and values may have fewer heads than the queries (grouped-query attention).
    /// </summary>
    /// <param name="query"><c>[b, heads, s, d]</c></param>
    /// <param name="key"><c>[b, kv heads, t, d]</c></param>
    /// <param name="value"><c>[b, kv heads, t, d]</c></param>
    /// <param name="mask">
    /// True where a query may look, or what is added to its logits, broadcastable to <c>[b, heads, s, t]</c>; null: causal when
    /// s = t, else all.
    /// </param>
    /// <returns><c>[b, heads, s, d]</c></returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        var causal = mask is null && query.shape[2] > 1;
        return query.shape[1] == key.shape[1]
            ? nn.functional.scaled_dot_product_attention(query, key, value, mask, p: 0, is_casual: causal)
            : TorchScriptOps.Attend(query, key, value, mask, causal);
    }

    /// <summary>
    /// The mask for queries at places <paramref name="start"/> .. of a sequence whose real tokens are marked in
    /// <paramref name="present"/>. Null where plain causal attention says the same.
    /// </summary>
    /// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
    /// <param name="start">Tokens already in the cache.</param>
    /// <param name="length">New tokens, s.</param>
    /// <param name="device">Where it is made.</param>
    /// <param name="window">How many tokens a query sees, itself included.</param>
    public static Tensor? Mask(Tensor? present, long start, long length, Device device, long window = long.MaxValue)
    {
        var slides = window < start + length;
        if (present is null && !slides && (start == 0 || length == 1)) return null;
        var causal = Causal(start, length, device);
        if (slides) causal = causal.triu(start - window + 1);
        if (present is null) return causal;
        var seen = causal & present.unsqueeze(1).unsqueeze(1); // [b, 1, s, t]
        // A query with padding alone before it sees itself, so that no softmax is over nothing.
        var self = Tensors.Identity(length, start + length, ScalarType.Bool, device).roll(start, 1); // [s, t]
        return seen | (self & seen.any(-1, keepdim: true).logical_not());
    }

    /// <summary>True where a key is not later than the query, <c>[s, t]</c>.</summary>
    public static Tensor Causal(long start, long length, Device device) =>
        Tensors.Ones([length, start + length], ScalarType.Bool, device).tril(start);

    /// <summary>As <see cref="Attend"/> with bounded logits, <c>cap · tanh(logit / cap)</c>.</summary>
    public static Tensor AttendBounded(Tensor query, Tensor key, Tensor value, Tensor? mask, double cap)
    {
        var (groups, start) = (query.shape[1] / key.shape[1], key.shape[2] - query.shape[2]);
        if (groups > 1) (key, value) = (key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1));
        var logits = query.matmul(key.transpose(2, 3)) / Number(Math.Sqrt(query.shape[3])); // [b, h, s, t]
        logits = (logits / Number(cap)).tanh() * Number(cap);
        var seen = mask ?? Causal(start, query.shape[2], query.device);
        return nn.functional.softmax(logits.masked_fill(seen.logical_not(), Number(float.NegativeInfinity)), -1).matmul(value);
    }
}
