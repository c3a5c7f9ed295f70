using TorchSharp;
using static TorchSharp.torch;

namespace AlpacaCot.Models.Layers;

/// <summary>The keys and values of the tokens seen so far, in buffers allocated once for the longest sequence.</summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] keys, values; // [b, kv heads, capacity, d] per layer
    private Tensor? ids; // [b, capacity]

    /// <summary>An empty cache for <paramref name="batch"/> sequences of at most <paramref name="capacity"/> tokens.</summary>
    public KeyValueCache(int layers, long batch, long keyValueHeads, long capacity, long headDimension)
    {
        Capacity = capacity;
        Tensor Buffer() => empty([batch, keyValueHeads, capacity, headDimension], ScalarType.Float32).DetachFromDisposeScope();
        keys = [.. Enumerable.Range(0, layers).Select(_ => Buffer())];
        values = [.. Enumerable.Range(0, layers).Select(_ => Buffer())];
    }

    /// <summary>The most tokens a sequence can have.</summary>
    public long Capacity { get; }

    /// <summary>Tokens held. The model advances it after its last layer.</summary>
    public long Length { get; private set; }

    /// <summary>The tokens of the first pass.</summary>
    public long PromptLength { get; private set; }

    /// <summary>Adds the new tokens' ids <c>[b, s]</c> and gives all: some models' masks and positions depend on them.</summary>
    public Tensor AppendIds(Tensor added)
    {
        ids ??= zeros([added.shape[0], Capacity], ScalarType.Int64).DetachFromDisposeScope();
        ids.narrow(1, Length, added.shape[1]).copy_(added);
        return ids.narrow(1, 0, Length + added.shape[1]);
    }

    /// <summary>
    /// Adds the new tokens' keys and values <c>[b, kv heads, s, d]</c> and gives all, <c>[b, kv heads, Length + s, d]</c>.
    /// </summary>
    public (Tensor Keys, Tensor Values) Append(int layer, Tensor key, Tensor value)
    {
        var added = key.shape[2];
        keys[layer].narrow(2, Length, added).copy_(key);
        values[layer].narrow(2, Length, added).copy_(value);
        return (keys[layer].narrow(2, 0, Length + added), values[layer].narrow(2, 0, Length + added));
    }

    /// <summary>Counts the tokens that every layer has appended.</summary>
    public void Advance(long tokens)
    {
        if (Length == 0) PromptLength = tokens;
        Length += tokens;
    }

    /// <summary>Forgets all tokens after the first <paramref name="length"/>.</summary>
    public void Truncate(long length) => Length = Math.Min(Length, length);

    /// <summary>Keeps only the given rows of the batch, in this order.</summary>
    public void SelectRows(Tensor rows)
    {
        foreach (var buffers in (Tensor[][])[keys, values])
            for (var i = 0; i < buffers.Length; i++)
            {
                var kept = buffers[i].index_select(0, rows).DetachFromDisposeScope();
                buffers[i].Dispose();
                buffers[i] = kept;
            }
        if (ids is null) return;
        var rowsKept = ids.index_select(0, rows).DetachFromDisposeScope();
        ids.Dispose();
        ids = rowsKept;
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        foreach (var buffer in keys.Concat(values)) buffer.Dispose();
        ids?.Dispose();
    }
}
