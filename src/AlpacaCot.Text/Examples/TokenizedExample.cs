namespace AlpacaCot.Text.Examples;

/// <summary>A training example as token ids, not padded and not shifted.</summary>
/// <param name="Ids">The token ids, BOS and EOS included.</param>
/// <param name="Labels">As long as the ids: the same id where the token is supervised, <see cref="Ignored"/> where not.</param>
public sealed record TokenizedExample(int[] Ids, int[] Labels)
{
    /// <summary>The label of a token that does not count in the loss.</summary>
    public const int Ignored = -100;
}
