using AlpacaCot.Models.Modules;

namespace AlpacaCot.Models.Families;

/// <summary>The sizes of a decoder.</summary>
/// <param name="Vocabulary">Rows of the embedding.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Inner">Width of the feed-forward.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Heads of keys and values.</param>
/// <param name="HeadDimension">Width of one head.</param>
/// <param name="MaxPositions">The longest sequence the model is meant for.</param>
public sealed record DecoderSizes(
    int Vocabulary, int Hidden, int Inner, int Layers, int Heads, int KeyValueHeads, int HeadDimension, int MaxPositions)
{
    /// <summary>Width of all queries.</summary>
    public int QueryWidth => Heads * HeadDimension;

    /// <summary>Width of all keys, and of all values.</summary>
    public int KeyWidth => KeyValueHeads * HeadDimension;

    /// <summary>What the model's users need to know of them.</summary>
    public ModelShape Shape(string family) => new(family, Vocabulary, Hidden, Layers, KeyValueHeads, HeadDimension, MaxPositions);

    /// <summary>One block a layer.</summary>
    public IReadOnlyList<IBlock> Each(Func<int, IBlock> block) => [.. Enumerable.Range(0, Layers).Select(block)];
}
