using AlpacaCot.Text.Conversations;

namespace AlpacaCot.Text.Examples;

/// <summary>A training example as token ids, not padded and not shifted.</summary>
/// <param name="Ids">The token ids, BOS and EOS included.</param>
/// <param name="Labels">The labels, one for each id: the same id for supervised tokens, <see cref="Ignored"/> for others.</param>
public sealed record TokenizedExample(int[] Ids, int[] Labels)
{
    /// <summary>The label of a token outside the loss.</summary>
    public const int Ignored = -100;

    /// <summary>The conversation that was encoded; null where the example was not made from one.</summary>
    public Conversation? From { get; init; }

    /// <summary>Whether it is the next part of the same long text as the example before it.</summary>
    public bool Continues { get; init; }
}
