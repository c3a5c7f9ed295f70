using AlpacaCot.Models.Kernels;
using AlpacaCot.Models.Runtime;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Modules;

/// <summary>Variations of attention: sliding window, soft cap, linear biases.</summary>
/// <param name="Window">The number of tokens a query attends to, itself included; null: all earlier tokens.</param>
/// <param name="SoftCap">The soft cap: logits are limited to ± this by tanh; null: none.</param>
/// <param name="Alibi">Linear biases, or null.</param>
internal readonly record struct AttentionOptions(int? Window = null, double? SoftCap = null, Alibi? Alibi = null);

/// <summary>
/// A variable-length batch: sequences of different lengths in one forward pass without padding. The new tokens of all sequences
/// are concatenated to <c>[1, n]</c>, which suffices for embeddings, norms and linear layers; only attention maps tokens to
/// caches (Yu et al., 2022).
/// </summary>
public sealed class VarlenBatch
{
    // Up to this many new tokens per sequence, the kernel processes each query separately; longer prompts use matrix products.
    private const int MaxSingleQueries = 8;

    private readonly Part[] _parts;

    /// <summary>Creates a batch and reserves cache space for the new tokens of each sequence, at least one.</summary>
    public VarlenBatch(IReadOnlyList<(KeyValueCache Cache, IReadOnlyList<int> Added)> sequences)
    {
        _parts = new Part[sequences.Count];
        var (positions, ids, sequenceTokens) = (new List<long>(), new List<long>(), new List<long>());
        for (var i = 0; i < _parts.Length; i++)
        {
            var (cache, added) = sequences[i];
            var (start, count) = (cache.Position, cache.Begin(added));
            _parts[i] = new Part(cache, positions.Count, start, count);
            for (var t = 0; t < count; t++)
            {
                if (t >= count - added.Count) sequenceTokens.Add(positions.Count);
                positions.Add(start - cache.UnpositionedTokens + t);
            }
            ids.AddRange(cache.AllIds[^count..]);
        }
        (Ids, Own) = ([.. ids], [.. sequenceTokens]);
        Positions = Tensors.Of([.. positions], [1, positions.Count], sequences[0].Cache.Device);
        Tokens = positions.Count;
        End = _parts.Max(p => p.End);
    }

    /// <summary>The number of new tokens, n.</summary>
    public int Tokens { get; }

    /// <summary>The ids of the new tokens; virtual tokens are negative.</summary>
    public long[] Ids { get; }

    /// <summary>The indices of the new tokens that are not virtual.</summary>
    public long[] Own { get; }

    /// <summary>The length of the longest sequence, new tokens included.</summary>
    public int End { get; }

    /// <summary>The position of each new token in its sequence, <c>[1, n]</c>.</summary>
    public Tensor Positions { get; }

    /// <summary>The caches of the sequences, each with the index of its first new token among its ids.</summary>
    public IEnumerable<(KeyValueCache Cache, int Start)> Sequences =>
        _parts.Select(p => (p.Cache, p.Start - p.Cache.PrefixLength));

    /// <summary>All masks and biases computed so far.</summary>
    internal IEnumerable<Tensor> Tables => _parts.SelectMany(p => p.Masks?.Tables ?? []);

    /// <summary>Marks the new tokens as cached, after the last layer.</summary>
    public void Advance()
    {
        foreach (var part in _parts) part.Cache.Advance();
    }

    /// <summary>The rotary tables at the new tokens' positions, <c>[.., n, d]</c>.</summary>
    internal (Tensor Cos, Tensor Sin) RotaryTables(Rope rope, PassMode mode)
    {
        if (End <= rope.SteadyLength) return rope.Tables(Positions, End, mode: mode);
        // The angles depend on each sequence's length.
        var tables = _parts.Select(p =>
            rope.Tables(p.Start, p.Count, p.Start > 0 ? p.Cache.PromptLength : p.Count, mode)).ToArray();
        return (cat([.. tables.Select(t => t.Cos)]), cat([.. tables.Select(t => t.Sin)]));
    }

    /// <summary>Stores the new keys and values in the caches and computes attention over them and all earlier ones.</summary>
    /// <param name="layer">The index of the layer.</param>
    /// <param name="query"><c>[1, heads, n, d]</c></param>
    /// <param name="key"><c>[1, kv heads, n, d]</c></param>
    /// <param name="value"><c>[1, kv heads, n, d]</c></param>
    /// <param name="options">The window, soft cap and biases.</param>
    /// <returns><c>[1, n, heads · d]</c></returns>
    internal Tensor Attend(int layer, Tensor query, Tensor key, Tensor value, AttentionOptions options)
    {
        (query, key, value) = (query.contiguous(), key.contiguous(), value.contiguous());
        var result = Tensors.Empty([1, Tokens, query.shape[1] * query.shape[3]], query.dtype, query.device);
        var kernels = KernelSet.For(query);
        var queries = new List<CachedQuery>();
        foreach (var part in _parts)
        {
            kernels.StoreCached(part.Cache.Store, layer, key, value, part.First, part.Start, part.Count);
            if (part.Count <= MaxSingleQueries)
                for (var t = 0; t < part.Count; t++) queries.Add(part.Query(t, options.Window));
            else result.narrow(1, part.First, part.Count)
                .copy_(AttendPrompt(layer, part, query.narrow(2, part.First, part.Count), options));
        }
        kernels.AttendCached(layer, query, queries, options.SoftCap, options.Alibi?.OfHeads, result);
        return result;
    }

    private static Tensor AttendPrompt(int layer, Part part, Tensor query, AttentionOptions options)
    {
        var (k, v) = part.Cache.Of(layer); // [1, kv, t, d]
        var masks = part.Masks ??= new Masks(query.device, part.Start, part.Count, context: part.SeenByAll);
        return Attention.Attend(query, k, v, masks, options); // [1, s, heads · d]
    }

    // The new tokens of one sequence: index of the first one in the batch, its position in the sequence, count.
    private sealed record Part(KeyValueCache Cache, int First, int Start, int Count)
    {
        public int End => Start + Count;

        // The number of tokens at the beginning with bidirectional attention, virtual tokens included.
        public int SeenByAll => Cache.Context == 0 ? 0 : Cache.PrefixLength + Cache.Context;

        public Masks? Masks { get; set; }

        public CachedQuery Query(int t, int? window)
        {
            var position = Start + t;
            return new CachedQuery(Cache.Store, First + t, position, window is { } w ? Math.Max(0, position - w + 1) : 0,
                Math.Max(position + 1, Math.Min(SeenByAll, End)));
        }
    }
}
