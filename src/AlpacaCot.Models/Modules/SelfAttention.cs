using AlpacaCot.Models.Runtime;
using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Multi-head attention (Vaswani et al., 2017) with grouped queries (Ainslie et al., 2023), over rows or over cached sequences.
/// </summary>
/// <param name="Layer">The index of the block, for the cache.</param>
/// <param name="Heads">The number of query heads.</param>
/// <param name="KeyValueHeads">The number of key and value heads.</param>
/// <param name="HeadDimension">The width of one head, d.</param>
/// <param name="Project">The projection to queries, keys and values.</param>
/// <param name="Output">The output projection, <c>[heads · d] -> [hidden]</c>.</param>
public sealed record SelfAttention(
    int Layer, int Heads, int KeyValueHeads, int HeadDimension, Projection Project, Linear Output)
{
    /// <summary>Rotary positions, or null.</summary>
    public Rope? Rope { get; init; }

    /// <summary>Linear biases, or null.</summary>
    public Alibi? Alibi { get; init; }

    /// <summary>
    /// The sliding window: the number of tokens a query attends to, itself included (Beltagy et al., 2020); null: all earlier
    /// tokens.
    /// </summary>
    public int? Window { get; init; }

    /// <summary>The factor on the attention logits; null: 1/√d.</summary>
    public double? Scale { get; init; }

    /// <summary>The soft cap: logits are limited to ± this by tanh (Gemma Team, 2024); null: none.</summary>
    public double? SoftCap { get; init; }

    /// <summary>Norms of queries and keys before the rotation, <c>[b, s, heads · d]</c> (Dehghani et al., 2023).</summary>
    public (Func<Tensor, ForwardPass, Tensor> Query, Func<Tensor, ForwardPass, Tensor> Key)? Norms { get; init; }

    /// <summary>Computes a factor on the queries, broadcastable to <c>[b, heads, s, d]</c>; null: no factor.</summary>
    public Func<ForwardPass, Tensor?>? QueryFactor { get; init; }

    /// <summary>Computes attention: <c>[b, s, hidden] -> [b, s, hidden]</c>.</summary>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var (q, k, v) = Project(x, pass); // [b, s, heads · d]
        if (Norms is { } norms) (q, k) = (norms.Query(q, pass), norms.Key(k, pass));
        if (Rope is null) (q, k) = (Modules.Heads.Split(q, Heads), Modules.Heads.Split(k, KeyValueHeads));
        else
        {
            var tables = pass.RotaryTables(Rope);
            q = Rope.Rotate(q, tables, Heads, Rope.Interleaved); // [b, h, s, d]
            k = Rope.Rotate(k, tables, KeyValueHeads, Rope.Interleaved); // [b, kv, s, d]
        }
        v = Modules.Heads.Split(v, KeyValueHeads);
        if (Scale is { } scale) q = q * Number(scale * Math.Sqrt(HeadDimension));
        if (QueryFactor?.Invoke(pass) is { } factor) q = q * factor;
        (q, k) = (Tensors.As(q, v.dtype), Tensors.As(k, v.dtype)); // tables and factors are fp32
        var options = new AttentionOptions(Window, SoftCap, Alibi);
        if (pass.Varlen is { } varlen) return Output.Forward(varlen.Attend(Layer, q, k, v, options), pass);
        if (pass.Packed is { } packed) return Output.Forward(packed.Attend(Layer, q, k, v, options, pass), pass);
        (k, v) = pass.WithPrefix(Layer, k, v); // [b, kv, t, d]
        return Output.Forward(Attention.Attend(q, k, v, pass.Masks, options), pass);
    }
}
