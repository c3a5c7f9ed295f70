using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>What a query may look at, and how.</summary>
/// <param name="Window">Only the last so many tokens, itself included; null: all before it.</param>
/// <param name="SoftCap">Bounds the logits to ± this by tanh; null: unbounded.</param>
/// <param name="Alibi">Linear biases, or none.</param>
internal readonly record struct AttentionOptions(int? Window = null, double? SoftCap = null, Alibi? Alibi = null);

/// <summary>
/// Sequences of different lengths that go through the model together without padding: the new tokens of all stand one after
/// another in <c>[1, n]</c>, which is all that embeddings, norms and linear layers need to know; only attention looks up which
/// cache belongs to which tokens (Yu et al., 2022).
/// </summary>
public sealed class VarlenBatch
{
    // Up to this many new tokens a sequence the kernel looks at each by itself; whole prompts are matrix products.
    private const int Few = 8;

    private readonly Part[] _parts;

    /// <summary>Makes room in each cache for its sequence's new tokens, one or more.</summary>
    public VarlenBatch(IReadOnlyList<(KeyValueCache Cache, IReadOnlyList<int> Added)> sequences)
    {
        _parts = new Part[sequences.Count];
        var (positions, ids, own) = (new List<long>(), new List<long>(), new List<long>());
        for (var i = 0; i < _parts.Length; i++)
        {
            var (cache, added) = sequences[i];
            var (start, count) = (cache.Position, cache.Begin(added));
            _parts[i] = new Part(cache, positions.Count, start, count);
            for (var t = 0; t < count; t++)
            {
                if (t >= count - added.Count) own.Add(positions.Count);
                positions.Add(start - cache.UnpositionedTokens + t);
            }
            ids.AddRange(cache.AllIds[^count..]);
        }
        (Ids, Own) = ([.. ids], [.. own]);
        Positions = Tensors.Of([.. positions], [1, positions.Count], sequences[0].Cache.Device);
        Tokens = positions.Count;
        End = _parts.Max(p => p.End);
    }

    /// <summary>New tokens, n.</summary>
    public int Tokens { get; }

    /// <summary>The new tokens' ids, virtual ones as negative numbers.</summary>
    public long[] Ids { get; }

    /// <summary>Which of them are the sequences' own.</summary>
    public long[] Own { get; }

    /// <summary>The length of the longest sequence.</summary>
    public int End { get; }

    /// <summary>The place of each new token in its sequence, <c>[1, n]</c>.</summary>
    public Tensor Positions { get; }

    /// <summary>The sequences' caches, with the place of the first new token among the ids of each.</summary>
    public IEnumerable<(KeyValueCache Cache, int Start)> Sequences => _parts.Select(p => (p.Cache, p.Start - p.Cache.PrefixLength));

    /// <summary>All masks and biases that were made.</summary>
    internal IEnumerable<Tensor> Tables => _parts.SelectMany(p => p.Masks?.Tables ?? []);

    /// <summary>Counts the new tokens as held, after the last layer.</summary>
    public void Advance()
    {
        foreach (var part in _parts) part.Cache.Advance();
    }

    /// <summary>cos and sin of the new tokens' positions, <c>[.., n, d]</c>.</summary>
    internal (Tensor Cos, Tensor Sin) RotaryTables(Rope rope, PassMode mode)
    {
        if (End <= rope.SteadyLength) return rope.Tables(Positions, End, mode: mode);
        // The angles depend on each sequence's length.
        var tables = _parts.Select(p =>
            rope.Tables(p.Start, p.Count, p.Start > 0 ? p.Cache.PromptLength : p.Count, mode)).ToArray();
        return (cat([.. tables.Select(t => t.Cos)]), cat([.. tables.Select(t => t.Sin)]));
    }

    /// <summary>Stores the new keys and values, and looks at them and at those before.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="key"><c>[1, kv heads, n, d]</c></param>
    /// <param name="value"><c>[1, kv heads, n, d]</c></param>
    /// <param name="sight">What is seen.</param>
    /// <returns><c>[1, n, heads · d]</c></returns>
    internal Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionOptions sight)
    {
        (query, key, value) = (query.contiguous(), key.contiguous(), value.contiguous());
        var result = Tensors.Empty([1, Tokens, query.shape[1] * query.shape[3]], query.dtype, query.device);
        var kernels = KernelSet.For(query);
        var few = new List<CachedQuery>();
        foreach (var part in _parts)
        {
            kernels.StoreCached(part.Cache.Store, layer, key, value, part.First, part.Start, part.Count);
            if (part.Count <= Few)
                for (var t = 0; t < part.Count; t++) few.Add(part.Query(t, sight.Window));
            else result.narrow(1, part.First, part.Count)
                .copy_(Whole(layer, part, query.narrow(2, part.First, part.Count), sight));
        }
        kernels.AttendCached(layer, query, few, sight.SoftCap, sight.Alibi?.OfHeads, result);
        return result;
    }

    private static Tensor Whole(int layer, Part part, Tensor query, AttentionOptions sight)
    {
        var (k, v) = part.Cache.Of(layer); // [1, kv, t, d]
        var masks = part.Masks ??= new Masks(query.device, part.Start, part.Count, context: part.SeenByAll);
        var mask = sight.Alibi is null ? masks.Mask(sight.Window) : masks.Bias(sight.Alibi);
        return Heads.Join(sight.SoftCap is { } cap
            ? Attention.AttendBounded(query, k, v, mask, cap)
            : Attention.Attend(query, k, v, mask)); // [1, s, heads · d]
    }

    // One sequence's new tokens: the first of them in the batch, the place it has in its sequence, how many.
    private sealed record Part(KeyValueCache Cache, int First, int Start, int Count)
    {
        public int End => Start + Count;

        // Of the beginning, virtual tokens included.
        public int SeenByAll => Cache.Context == 0 ? 0 : Cache.PrefixLength + Cache.Context;

        public Masks? Masks { get; set; }

        public CachedQuery Query(int t, int? window)
        {
            var place = Start + t;
            return new CachedQuery(Cache.Store, First + t, place, window is { } w ? Math.Max(0, place - w + 1) : 0,
                Math.Max(place + 1, Math.Min(SeenByAll, End)));
        }
    }
}
