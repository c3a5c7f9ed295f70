using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>The projection of hidden states <c>[b, s, hidden]</c> to queries, keys and values <c>[b, s, heads · d]</c>.</summary>
public delegate (Tensor Query, Tensor Key, Tensor Value) Projection(Tensor x, ForwardPass pass);

/// <summary>The layouts of query, key and value projections in checkpoints.</summary>
public static class Projections
{
    /// <summary>Three separate matrices.</summary>
    public static Projection Separate(Linear query, Linear key, Linear value) =>
        (x, pass) => Linear.Together([query, key, value], x, pass) is [var q, var k, var v]
            ? (q, k, v) : throw new InvalidOperationException("three layers have three outputs");

    /// <summary>One fused matrix, <c>[all queries | all keys | all values]</c>.</summary>
    /// <param name="fused">The fused matrix.</param>
    /// <param name="queries">The width of all queries, heads · d.</param>
    /// <param name="keys">The width of all keys, key heads · d.</param>
    public static Projection Concatenated(Linear fused, long queries, long keys) => (x, pass) =>
    {
        var all = fused.Forward(x, pass);
        return (all.narrow(2, 0, queries), all.narrow(2, queries, keys), all.narrow(2, queries + keys, keys));
    };

    /// <summary>One fused matrix in groups of heads, each <c>[its queries | its key | its value]</c>.</summary>
    /// <param name="fused">The fused matrix.</param>
    /// <param name="groups">The number of groups, one per key head.</param>
    /// <param name="headDimension">The width of one head, d.</param>
    public static Projection Grouped(Linear fused, int groups, int headDimension) => (x, pass) =>
    {
        var (b, s) = (x.shape[0], x.shape[1]);
        var all = fused.Forward(x, pass).view(b, s, groups, -1, headDimension); // [b, s, groups, queries + 2, d]
        var queries = all.shape[3] - 2;
        return (all.narrow(3, 0, queries).reshape(b, s, -1), all.select(3, queries).reshape(b, s, -1),
            all.select(3, queries + 1).reshape(b, s, -1));
    };
}
