using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Attention over whole rows, and its masks.</summary>
public static class Attention
{
    /// <summary>
    /// Scaled dot-product attention. Keys and values may have fewer heads than the queries (grouped-query attention).
    /// </summary>
    /// <param name="query"><c>[b, heads, s, d]</c></param>
    /// <param name="key"><c>[b, kv heads, t, d]</c></param>
    /// <param name="value"><c>[b, kv heads, t, d]</c></param>
    /// <param name="mask">
    /// True where a query may attend, or a bias on its logits, broadcastable to <c>[b, heads, s, t]</c>; null: causal when s > 1,
    /// else all keys.
    /// </param>
    /// <returns><c>[b, heads, s, d]</c></returns>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        var causal = mask is null && query.shape[2] > 1;
        if (mask is { dtype: ScalarType.Float32 } bias) mask = Tensors.As(bias, query.dtype);
        return query.shape[1] == key.shape[1]
            ? nn.functional.scaled_dot_product_attention(query, key, value, mask, p: 0, is_casual: causal)
            : TorchScriptOps.Attend(query, key, value, mask, causal);
    }

    /// <summary>Attention with a window, soft cap or linear biases: the one place that chooses among them.</summary>
    /// <param name="query"><c>[b, heads, s, d]</c></param>
    /// <param name="key"><c>[b, kv heads, t, d]</c></param>
    /// <param name="value"><c>[b, kv heads, t, d]</c></param>
    /// <param name="masks">The masks and biases of these queries.</param>
    /// <param name="options">The window, soft cap and biases.</param>
    /// <returns><c>[b, s, heads · d]</c></returns>
    internal static Tensor Attend(Tensor query, Tensor key, Tensor value, Masks masks, AttentionOptions options)
    {
        var mask = options.Alibi is { } alibi ? masks.Bias(alibi) : masks.Mask(options.Window);
        return Heads.Join(options.SoftCap is { } cap
            ? AttendBounded(query, key, value, mask, cap) : Attend(query, key, value, mask));
    }

    /// <summary>
    /// The mask of the queries from position <paramref name="start"/> on, in sequences whose real tokens are marked in
    /// <paramref name="present"/>. Null if plain causal attention is equivalent.
    /// </summary>
    /// <param name="present">True for real tokens, false for padding, <c>[b, t]</c>; null when all are real.</param>
    /// <param name="start">The number of tokens already in the cache.</param>
    /// <param name="length">The number of new tokens, s.</param>
    /// <param name="device">The device of the mask.</param>
    /// <param name="window">The number of tokens a query attends to, itself included.</param>
    public static Tensor? Mask(Tensor? present, long start, long length, Device device, long window = long.MaxValue)
    {
        var slides = window < start + length;
        if (present is null && !slides && (start == 0 || length == 1)) return null;
        var causal = Causal(start, length, device);
        if (slides) causal = causal.triu(start - window + 1);
        if (present is null) return causal;
        var visible = causal & present.unsqueeze(1).unsqueeze(1); // [b, 1, s, t]
        // A query that follows only padding attends to itself, so that no softmax is over an empty set.
        var self = Tensors.Identity(length, start + length, ScalarType.Bool, device).roll(start, 1); // [s, t]
        return visible | (self & visible.any(-1, keepdim: true).logical_not());
    }

    /// <summary>The causal mask: true where a key is not later than the query, <c>[s, t]</c>.</summary>
    public static Tensor Causal(long start, long length, Device device) =>
        Tensors.Ones([length, start + length], ScalarType.Bool, device).tril(start);

    /// <summary>As <c>Attend</c> with soft-capped logits, <c>cap · tanh(logit / cap)</c>.</summary>
    public static Tensor AttendBounded(Tensor query, Tensor key, Tensor value, Tensor? mask, double cap)
    {
        var (groups, start) = (query.shape[1] / key.shape[1], key.shape[2] - query.shape[2]);
        if (groups > 1) (key, value) = (key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1));
        var logits = Tensors.As(query.matmul(key.transpose(2, 3)), ScalarType.Float32)
            / Number(Math.Sqrt(query.shape[3])); // [b, h, s, t]
        logits = (logits / Number(cap)).tanh() * Number(cap);
        var visible = mask ?? Causal(start, query.shape[2], query.device);
        var shares = nn.functional.softmax(logits.masked_fill(visible.logical_not(), Number(float.NegativeInfinity)), -1);
        return Tensors.As(shares, value.dtype).matmul(value);
    }
}
