namespace AlpacaCot.Models.Families;

/// <summary>The sizes that a model's users need to know.</summary>
/// <param name="Family">The family's name.</param>
/// <param name="Vocabulary">Rows of the embedding.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Layers">Blocks.</param>
/// <param name="KeyValueHeads">Heads of keys and values.</param>
/// <param name="HeadDimension">Width of one head.</param>
/// <param name="MaxPositions">The longest sequence the model is meant for.</param>
public sealed record ModelShape(
    string Family, int Vocabulary, int Hidden, int Layers, int KeyValueHeads, int HeadDimension, int MaxPositions);
