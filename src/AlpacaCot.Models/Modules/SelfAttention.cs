using static AlpacaCot.Models.Runtime.Scalars;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>
/// Multi-head attention (Vaswani et al., 2017) over rows or over sequences with caches, with as many key heads as the family has
/// (Ainslie et al., 2023).
/// </summary>
/// <param name="Layer">The block's number, for the cache.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads.</param>
/// <param name="HeadDimension">d.</param>
/// <param name="Project">From hidden states to queries, keys and values.</param>
/// <param name="Output">From the mixed values to hidden states.</param>
public sealed record SelfAttention(
    int Layer, int Heads, int KeyValueHeads, int HeadDimension, Projection Project, Linear Output)
{
    /// <summary>Rotary positions, or none.</summary>
    public Rope? Rope { get; init; }

    /// <summary>Linear biases, or none.</summary>
    public Alibi? Alibi { get; init; }

    /// <summary>How many tokens a query sees, itself included (Beltagy et al., 2020); null: all before it.</summary>
    public int? Window { get; init; }

    /// <summary>The factor on the attention logits; null: 1/√d.</summary>
    public double? Scale { get; init; }

    /// <summary>Bounds the logits to ± this by tanh (Gemma Team, 2024); null: unbounded.</summary>
    public double? SoftCap { get; init; }

    /// <summary>A norm of queries and one of keys before they turn, <c>[b, s, heads · d]</c> (Dehghani et al., 2023).</summary>
    public (Func<Tensor, ForwardPass, Tensor> Query, Func<Tensor, ForwardPass, Tensor> Key)? Norms { get; init; }

    /// <summary>A factor on the queries <c>[b, heads, s, d]</c>, or null where there is none to apply.</summary>
    public Func<ForwardPass, Tensor?>? QueryFactor { get; init; }

    /// <summary><c>[b, s, hidden] -> [b, s, hidden]</c></summary>
    public Tensor Forward(Tensor x, ForwardPass pass)
    {
        var (q, k, v) = Project(x, pass); // [b, s, heads · d]
        if (Norms is { } norms) (q, k) = (norms.Query(q, pass), norms.Key(k, pass));
        if (Rope is null) (q, k) = (Modules.Heads.Split(q, Heads), Modules.Heads.Split(k, KeyValueHeads));
        else
        {
            var turns = pass.RotaryTables(Rope);
            q = Rope.Rotate(q, turns, Heads, Rope.Interleaved); // [b, h, s, d]
            k = Rope.Rotate(k, turns, KeyValueHeads, Rope.Interleaved); // [b, kv, s, d]
        }
        v = Modules.Heads.Split(v, KeyValueHeads);
        if (Scale is { } scale) q = q * Number(scale * Math.Sqrt(HeadDimension));
        if (QueryFactor?.Invoke(pass) is { } factor) q = q * factor;
        if (pass.Varlen is { } ragged)
            return Output.Forward(ragged.Attend(Layer, q, k, v, new AttentionOptions(Window, SoftCap, Alibi)), pass);
        (k, v) = pass.WithPrefix(Layer, k, v); // [b, kv, t, d]
        var mask = Alibi is null ? pass.Mask(Window) : pass.Bias(Alibi);
        var mixed = SoftCap is { } cap
            ? Attention.AttendBounded(q, k, v, mask, cap)
            : Attention.Attend(q, k, v, mask); // [b, h, s, d]
        return Output.Forward(Modules.Heads.Join(mixed), pass);
    }
}
