using AlpacaCot.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>Which keys each query may see.</summary>
public static class Attention
{
    /// <summary>
    /// Scaled dot-product attention. Keys and values may have fewer heads than the queries (grouped-query attention).
    /// </summary>
    /// <param name="query"><c>[b, heads, s, d]</c></param>
    /// <param name="key"><c>[b, kv heads, t, d]</c></param>
    /// <param name="value"><c>[b, kv heads, t, d]</c></param>
    /// <param name="mask">True where a query may look, broadcastable to <c>[b, heads, s, t]</c>; null: causal when s = t, else all.</param>
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
    public static Tensor? Mask(Tensor? present, long start, long length)
    {
        if (present is null && (start == 0 || length == 1)) return null;
        var causal = ones([length, start + length], ScalarType.Bool).tril(start); // [s, t]
        if (present is null) return causal;
        // A padded query sees itself, so that no softmax is over nothing.
        var self = eye(length, start + length, ScalarType.Bool).roll(start, 1); // [s, t]
        return (causal & present.unsqueeze(1).unsqueeze(1)) | self; // [b, 1, s, t]
    }
}
