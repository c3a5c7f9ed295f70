namespace AlpacaCot.Models.Families;

/// <summary>The sizes of a model that its users need.</summary>
/// <param name="Family">The family's name.</param>
/// <param name="Vocabulary">Rows of the embedding table.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Layers">Number of blocks.</param>
/// <param name="KeyValueHeads">Number of key and value heads.</param>
/// <param name="HeadDimension">Width of one head, d.</param>
/// <param name="MaxPositions">The longest supported sequence, in tokens.</param>
public sealed record ModelShape(
    string Family, int Vocabulary, int Hidden, int Layers, int KeyValueHeads, int HeadDimension, int MaxPositions)
{
    /// <summary>
    /// Whether positions are rows of a learned table, so that nothing can be computed beyond <see cref="MaxPositions"/>.
    /// </summary>
    public bool HasPositionTable { get; init; }
}
