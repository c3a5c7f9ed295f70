using AlpacaCot.Models.Modules;
using AlpacaCot.Text;

namespace AlpacaCot.Models.Families;

/// <summary>The sizes of a decoder, as a configuration states them.</summary>
/// <param name="Vocabulary">Rows of the embedding table.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Inner">Inner width of the feed-forward.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="Heads">Number of query heads.</param>
/// <param name="KeyValueHeads">Number of key and value heads.</param>
/// <param name="HeadDimension">Width of one head, d.</param>
/// <param name="MaxPositions">The longest supported sequence, in tokens.</param>
public sealed record DecoderSizes(
    int Vocabulary, int Hidden, int Inner, int Layers, int Heads, int KeyValueHeads, int HeadDimension, int MaxPositions)
{
    /// <summary>Width of the query projection, heads · d.</summary>
    public int QueryWidth => Heads * HeadDimension;

    /// <summary>Width of the key projection and of the value projection, key heads · d.</summary>
    public int KeyWidth => KeyValueHeads * HeadDimension;

    /// <summary>The subset of the sizes that users of the model need.</summary>
    public ModelShape Shape(string family) => new(family, Vocabulary, Hidden, Layers, KeyValueHeads, HeadDimension, MaxPositions);

    /// <summary>Creates the blocks, one per layer.</summary>
    /// <exception cref="InputException">The number of layers is absurd.</exception>
    public IReadOnlyList<IBlock> Each(Func<int, IBlock> block) => Layers <= MostLayers
        ? [.. Enumerable.Range(0, Layers).Select(block)]
        : throw new InputException($"config.json: {Layers} layers; at most {MostLayers} are supported.");

    private const int MostLayers = 4096;
}
