namespace AlpacaCot.Text.Templates;

/// <summary>A token that is meant as such and not spelled as text.</summary>
public enum SpecialToken
{
    /// <summary>None: the segment is text.</summary>
    None,

    /// <summary>The end-of-sequence token of the tokenizer in use.</summary>
    Eos,
}

/// <summary>
/// A piece of a rendered conversation with its mark. Marks are set where the text is put together and carried to the labels, so
/// nothing has to search for the answer afterwards.
/// </summary>
/// <param name="Text">The text; empty where <paramref name="Special"/> is a token.</param>
/// <param name="Supervised">Whether the model is trained to write this piece.</param>
/// <param name="Special">The special token the piece stands for, if it is not text.</param>
public readonly record struct Segment(string Text, bool Supervised, SpecialToken Special = SpecialToken.None)
{
    /// <summary>Whether text that spells a special token becomes that token.</summary>
    public bool ParsesSpecial { get; init; }
}
